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
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use crate::{
    body::{self, LIMIT, PATIENCE},
    connection::{self, Connection},
    error::{ApiError, ErrorCode},
};

/// The middleware: below the envelope, which writes the errors, and above all that takes a body.
pub(crate) async fn read<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    // Kept until the request is answered, for so long the body may be in memory.
    let mut room = None;
    if connection::is_chunked(&request)
        && let Some(connection) = connection::of(&request)
    {
        let mut payload = request.take_payload();
        connection.begin_chunked();
        let read = timeout(PATIENCE, collect(&mut payload, &connection, &mut room)).await;
        connection.end_chunked(payload);
        match read.unwrap_or_else(|_late| Err(body::too_slow())) {
            Ok(bytes) => request.set_payload(Payload::from(bytes.freeze())),
            Err(error) => return Ok(request.error_response(error).map_into_right_body()),
        }
    }
    let response = next.call(request).await?.map_into_left_body();
    drop(room);
    Ok(response)
}

async fn collect(
    payload: &mut Payload,
    connection: &Connection,
    room: &mut Option<OwnedSemaphorePermit>,
) -> Result<BytesMut, ApiError> {
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
        let more = connection.room_for(chunk.len()).ok_or_else(too_many)?;
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_many() -> ApiError {
    let message = "The service is receiving too many chunked bodies: send a Content-Length, or try again later";
    ApiError::client(ErrorCode::Unavailable, message)
}
