//! Checks whether a server accepts connections, using the PostgreSQL protocol.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::ClusterError;

/// Length, protocol version 3.0, user and database. Not our own database, which an application may drop and
/// recreate.
const STARTUP: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0winserve\0database\0postgres\0\0";
const TERMINATE: &[u8] = b"X\0\0\0\x04";
/// The field of an error message that means `cannot_connect_now`: the server is starting, recovering or
/// shutting down.
const CANNOT_CONNECT_NOW: &[u8] = b"C57P03\0";
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The server accepts connections.
    Ready,
    /// There is a server, but it is starting, recovering, shutting down or hanging.
    Unavailable,
    /// Nothing is listening.
    Absent,
}

pub(crate) fn probe(socket: &Path) -> Result<Answer, ClusterError> {
    match UnixStream::connect(socket) {
        // A server that closes the connection or stays silent is shutting down or hanging: nothing else
        // causes an error on a local connection.
        Ok(stream) => Ok(ask(stream).unwrap_or(Answer::Unavailable)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(Answer::Absent),
            _ => Err(ClusterError::io(socket)(error)),
        },
    }
}

fn ask(mut stream: UnixStream) -> io::Result<Answer> {
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    stream.write_all(STARTUP)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    let mut rest = Vec::new();
    if kind == *b"R" {
        // The authentication request is the answer. The clean termination only keeps a "connection reset by
        // peer" out of the server log, so it does not matter whether it succeeds.
        let _farewell = stream.write_all(TERMINATE).and_then(|()| stream.read_to_end(&mut rest));
        return Ok(Answer::Ready);
    }
    stream.read_to_end(&mut rest)?;
    let unavailable =
        rest.windows(CANNOT_CONNECT_NOW.len()).any(|field| field == CANNOT_CONNECT_NOW);
    // Any other refusal, such as "too many clients", means that the server works.
    Ok(if unavailable { Answer::Unavailable } else { Answer::Ready })
}
