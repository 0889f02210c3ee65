//! What a connection gets that there is no room for: an answer, at once, and the door.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
Content-Type: application/problem+json\r\nContent-Length: 156\r\n\r\n\
{\"type\":\"urn:neodyme:error:service-overloaded\",\"title\":\"The service is overloaded\",\"status\":503,\
\"detail\":\"too many connections\",\"code\":\"SERVICE_OVERLOADED\"}";

/// So many connections are told so at once; beyond these the rest are just closed.
pub const MAX_REFUSALS: usize = 64;
static TELLING: Semaphore = Semaphore::const_new(MAX_REFUSALS);
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) fn refuse(stream: TcpStream) {
    if let Ok(permit) = TELLING.try_acquire() {
        tokio::spawn(async move {
            let _permit = permit;
            let _ = timeout(PATIENCE, tell(stream)).await;
        });
    }
}

/// Closing with unread bytes would reset the connection, and the client might lose the answer: read until it hangs up.
async fn tell(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ANSWER;

    #[test]
    fn the_length_is_that_of_the_body() {
        let answer = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{} bytes", body.len());
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
