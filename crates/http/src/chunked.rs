//! Reads chunked bodies completely before anything else looks at the request, so that a body that is
//! malformed, too large or too slow gets an answer. actix-http drops the connection of a malformed one
//! immediately, and sends only an answer that is ready at that moment.

use actix_web::{
    Error, HttpMessage as _,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
};
use tokio::time::timeout;

use crate::{
    body::{self, PATIENCE},
    connection,
};

/// The middleware: below the envelope, which writes the errors, and above everything that reads a body.
pub(crate) async fn read<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    // Kept until the request is answered, because the body may be in memory that long.
    let mut room = None;
    if connection::is_chunked(request.request())
        && let Some(connection) = connection::of(request.request())
    {
        let mut payload = request.take_payload();
        connection.begin_chunked();
        let room = room.insert(connection.room(None));
        let record_data = |bytes| connection.record_data(bytes);
        let read = timeout(PATIENCE, body::collect(&mut payload, Some(room), record_data)).await;
        connection.end_chunked(payload);
        match read.unwrap_or_else(|_late| Err(body::too_slow())) {
            Ok(bytes) => request.set_payload(Payload::from(bytes)),
            Err(error) => {
                let is_too_large = connection.has_received_too_much();
                let error = if is_too_large { body::too_large() } else { error };
                return Ok(request.error_response(error).map_into_right_body());
            }
        }
    }
    let response = next.call(request).await?.map_into_left_body();
    drop(room);
    Ok(response)
}
