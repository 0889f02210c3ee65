//! A mail as it came.

/// Its envelope and its bytes.
#[derive(Clone, Debug)]
pub struct Received {
    /// The address after `MAIL FROM:`.
    pub from: String,
    /// The address after `RCPT TO:`.
    pub to: String,
    /// What followed the sender's address.
    pub parameters: String,
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// The message.
    pub raw: String,
}

impl Received {
    /// The headers in order, unfolded; encoded words as they are.
    pub fn headers(&self) -> Vec<(String, String)> {
        headers(self.raw.split_once("\r\n\r\n").expect("a header and a body").0)
    }

    /// A header's value. There must be one.
    pub fn header(&self, name: &str) -> String {
        let found: Vec<_> = self.headers().into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).collect();
        assert_eq!(found.len(), 1, "{name} in {}", self.raw);
        found.into_iter().next().unwrap().1
    }

    /// The job that it belongs to: the left side of its `Message-ID`.
    pub fn job_id(&self) -> String {
        let id = self.header("Message-ID");
        id.trim_start_matches('<').split_once('@').expect("an @ in the Message-ID").0.to_owned()
    }

    /// The text part and the HTML part, decoded.
    pub fn parts(&self) -> [String; 2] {
        let boundary = self.header("Content-Type");
        let boundary = boundary.split("boundary=").nth(1).expect("a boundary").trim_matches('"');
        let parts: Vec<_> = self.raw.split(&format!("--{boundary}")).collect();
        [parts[1], parts[2]].map(decode_part)
    }
}

fn headers(head: &str) -> Vec<(String, String)> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", "\t");
    let pair = |line: &str| line.split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned()));
    unfolded.split("\r\n").map(|line| pair(line).unwrap_or_else(|| panic!("{line:?} is no header"))).collect()
}

fn decode_part(part: &str) -> String {
    let (head, body) = part.trim_start_matches("\r\n").split_once("\r\n\r\n").expect("a header and a body");
    let head = headers(head);
    let encoding = head.iter().find(|(key, _)| key == "Content-Transfer-Encoding").expect("an encoding").1.clone();
    let body = body.strip_suffix("\r\n").unwrap_or(body);
    match encoding.as_str() {
        "7bit" => body.to_owned(),
        "quoted-printable" => utf8(quoted_printable(body)),
        "base64" => utf8(base64(body)),
        other => panic!("{other}"),
    }
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// RFC 2045, 6.7.
fn quoted_printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let mut pieces = text.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(&piece.as_bytes()[2..]);
    }
    bytes
}

/// RFC 4648, 4; line ends are skipped.
pub fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| ALPHABET.iter().position(|letter| *letter == byte));
    let digits: Vec<usize> = digits.collect();
    let bytes_of = |group: &[usize]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        let bytes = [bits >> 16, bits >> 8, bits].map(|byte| (byte & 0xff) as u8);
        bytes[..group.len() - 1].to_vec()
    };
    digits.chunks(4).flat_map(bytes_of).collect()
}

/// A header's value with its encoded words (RFC 2047, base64) decoded.
pub fn decode_words(value: &str) -> String {
    let mut decoded = String::new();
    let mut after_word = false;
    for piece in value.split(' ') {
        let word = piece.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
        // Space between two encoded words is not part of the text.
        let is_joined = decoded.is_empty() || (after_word && word.is_some());
        if !is_joined {
            decoded.push(' ');
        }
        after_word = word.is_some();
        decoded += &word.map_or_else(|| piece.to_owned(), |word| utf8(base64(word)));
    }
    decoded
}
