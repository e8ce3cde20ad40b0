//! Reads chunked bodies whole before anything else looks at the request: so a body that is malformed, too
//! large or too slow gets an answer. actix-http drops the connection of a malformed one at once, and only
//! an answer that is ready in that moment leaves.

use actix_web::{
    Error, HttpMessage as _,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::BytesMut,
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::{
    body::{self, LIMIT, PATIENCE},
    connection::{self, Connection},
    error::ApiError,
};

/// The middleware: below the envelope, which writes the errors, and above all that takes a body.
pub(crate) async fn read<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if connection::is_chunked(&request)
        && let Some(connection) = connection::of(&request)
    {
        let mut payload = request.take_payload();
        connection.begin_chunked();
        let read = timeout(PATIENCE, collect(&mut payload, &connection)).await;
        connection.end_chunked(payload);
        match read.unwrap_or_else(|_late| Err(body::too_slow())) {
            Ok(bytes) => request.set_payload(Payload::from(bytes.freeze())),
            Err(error) => return Ok(request.error_response(error).map_into_right_body()),
        }
    }
    Ok(next.call(request).await?.map_into_left_body())
}

async fn collect(payload: &mut Payload, connection: &Connection) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let Ok(chunk) = chunk else {
            let is_too_large = connection.has_received_too_much();
            return Err(if is_too_large { body::too_large() } else { body::malformed() });
        };
        connection.note_data(chunk.len());
        if body.len() + chunk.len() > LIMIT {
            return Err(body::too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
