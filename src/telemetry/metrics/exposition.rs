//! The exposition: Prometheus text 0.0.4, or protobuf when the scraper prefers it, gzipped when it offers that.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::io::Write;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus::{Encoder, Histogram, ProtobufEncoder, TextEncoder};

use super::declare::{CounterBy, metrics};
use super::registry::{INTERNAL, REGISTRY};
use crate::label::labels;
use crate::values::accept::quality;

labels! {
    /// The format of an exposition.
    pub enum Format("format") {
        /// Text 0.0.4.
        Text = "text",
        /// Length-delimited protobuf.
        Protobuf = "protobuf",
    }
}

labels! {
    /// How an exposition is compressed.
    pub enum ContentEncoding("encoding") {
        /// Not.
        Identity = "identity",
        /// By gzip.
        Gzip = "gzip",
    }
}

metrics! { init;
    SCRAPES: CounterBy<(Format, ContentEncoding)> = "metrics_scrapes_total", "Scrapes answered, by format and encoding.";
    DURATION: Histogram = "metrics_scrape_duration_seconds" in INTERNAL, "Time to gather and encode all metrics.";
}

/// All metrics, ready to be sent.
pub struct Encoded {
    /// The body.
    pub body: Vec<u8>,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its `Content-Encoding`, if any.
    pub content_encoding: Option<&'static str>,
}

/// Encodes all metrics as the scraper's `Accept` and `Accept-Encoding` ask.
///
/// # Errors
/// Only where the encoder meets a metric without a value, which no metric here is.
pub fn encode(accept: Option<&str>, accept_encoding: Option<&str>) -> Result<Encoded, prometheus::Error> {
    let began = Instant::now();
    let (format, encoding) = (format_for(accept), encoding_for(accept_encoding));
    let families = REGISTRY.gather();
    let mut body = Vec::with_capacity(256 * 1024);
    match format {
        Format::Text => TextEncoder::new().encode(&families, &mut body)?,
        Format::Protobuf => ProtobufEncoder::new().encode(&families, &mut body)?,
    }
    if encoding == ContentEncoding::Gzip {
        body = gzip(&body)?;
    }
    SCRAPES.at((format, encoding)).inc();
    DURATION.observe(began.elapsed().as_secs_f64());
    Ok(Encoded {
        body,
        content_type: match format {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        },
        content_encoding: (encoding == ContentEncoding::Gzip).then_some("gzip"),
    })
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn format_for(accept: Option<&str>) -> Format {
    let Some(accept) = accept else { return Format::Text };
    let protobuf = quality(accept, |media_type| media_type == "application/vnd.google.protobuf");
    let text = quality(accept, |media_type| matches!(media_type, "text/plain" | "text/*" | "*/*"));
    if protobuf > text { Format::Protobuf } else { Format::Text }
}

fn encoding_for(accept_encoding: Option<&str>) -> ContentEncoding {
    let gzip =
        accept_encoding.map_or(0.0, |accepted| quality(accepted, |coding| matches!(coding, "gzip" | "x-gzip" | "*")));
    if gzip > 0.0 { ContentEncoding::Gzip } else { ContentEncoding::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_text() {
        assert_eq!(format_for(None), Format::Text);
        assert_eq!(format_for(Some("text/html,application/xhtml+xml,*/*;q=0.8")), Format::Text);
    }

    #[test]
    fn prometheus_gets_what_it_prefers() {
        let protobuf =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6";
        assert_eq!(format_for(Some(&format!("{protobuf},text/plain;version=0.0.4;q=0.5,*/*;q=0.1"))), Format::Protobuf);
        assert_eq!(format_for(Some(&format!("text/plain;version=0.0.4;q=0.7,{protobuf}"))), Format::Text);
    }

    #[test]
    fn gzip_is_used_when_offered_and_not_when_refused() {
        assert_eq!(encoding_for(Some("deflate, gzip;q=0.5")), ContentEncoding::Gzip);
        assert_eq!(encoding_for(Some("gzip;q=0")), ContentEncoding::Identity);
        assert_eq!(encoding_for(None), ContentEncoding::Identity);
    }
}
