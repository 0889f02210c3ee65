//! `GET /health/live`: whether the process should be restarted.

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use schemars::JsonSchema;
use serde::Serialize;

use super::head::Head;
use crate::error::Result;
use crate::http::{Body, Call, Checked, Gives, Head as RequestHead, Output, Response};
use crate::state::App;
use crate::values::accept::quality;
use crate::values::timestamp::millis;

pub(super) const ABOUT: &str = "Whether the process should be restarted, for orchestrators.";

/// What a scrape needs to succeed.
const SAMPLE: &str = "# TYPE neodyme_live gauge\nneodyme_live 1\n";

#[derive(Serialize, JsonSchema)]
pub(super) struct Live {
    #[serde(flatten)]
    head: Head,
    event_loop_delay_ms: f64,
    last_beat_ms: f64,
}

/// To a scraper, one sample in its own format: it has no other way to ask whether a process answers, and needs no token here.
pub(super) struct Liveness {
    checked: Checked<Live>,
    is_scrape: bool,
}

/// Good while the async runtime turns. A process that is not live should be restarted.
pub(super) async fn live(call: Call<App>, RequestHead(head): RequestHead) -> Result<Liveness> {
    let pulse = call.state.health.beat.pulse();
    let status = if pulse.is_stalled { "stalled" } else { "live" };
    let (event_loop_delay_ms, last_beat_ms) = (millis(pulse.delay), millis(pulse.age));
    let body = Live { head: Head::new(status), event_loop_delay_ms, last_beat_ms };
    let accept = head.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    Ok(Liveness { checked: Checked { is_good: !pulse.is_stalled, body }, is_scrape: accept.is_some_and(prefers_text) })
}

fn prefers_text(accept: &str) -> bool {
    let text = quality(accept, |media_type| media_type == "text/plain");
    text > quality(accept, |media_type| matches!(media_type, "application/json" | "application/*" | "*/*"))
}

impl Output for Liveness {
    fn gives() -> Gives {
        let mut gives = Checked::<Live>::gives();
        gives.0.iter_mut().take(1).for_each(|yes| yes.media_types = &["application/json", "text/plain"]);
        gives
    }

    fn into_response(self) -> Result<Response> {
        let mut response = if self.is_scrape && self.checked.is_good {
            let mut response = Response::new(Body::from(SAMPLE.as_bytes().to_vec()));
            let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, text);
            response
        } else {
            self.checked.into_response()?
        };
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_a_sample_and_everybody_else_json() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert!(prefers_text(prometheus));
        assert!(!prefers_text("*/*"));
        assert!(!prefers_text("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!prefers_text("application/json, text/plain, */*"));
    }
}
