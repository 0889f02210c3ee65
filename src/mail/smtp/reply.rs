//! What a server answers (RFC 5321, 4.2): a code, and text in one or several lines.

/// A reply, as far as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    lines: Vec<String>,
}

/// What is no reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotSmtp;

impl Reply {
    /// Takes the next line. `true` if it is the last one.
    pub fn read_line(&mut self, line: &[u8]) -> Result<bool, NotSmtp> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, rest) = line.split_at_checked(3).ok_or(NotSmtp)?;
        let code = read_code(code).ok_or(NotSmtp)?;
        if !self.lines.is_empty() && code != self.code {
            return Err(NotSmtp);
        }
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(NotSmtp),
        };
        self.code = code;
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        Ok(is_last)
    }

    /// The text, its lines one after the other; an enhanced code that each of them repeats stands once.
    pub fn text(&self) -> String {
        let repeated = self.enhanced_code().unwrap_or_default();
        let first = self.lines.iter().take(1).map(String::as_str);
        let others = self.lines.iter().skip(1).map(|line| line.strip_prefix(repeated).unwrap_or(line).trim_start());
        first.chain(others).collect::<Vec<_>>().join(" ")
    }

    /// The code of RFC 3463 in front of the text, such as `5.7.8`.
    pub fn enhanced_code(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_code = word.split('.').count() == 3 && word.split('.').all(is_number);
        (is_code && matches!(word.split('.').next(), Some("2" | "4" | "5"))).then_some(word)
    }

    /// Of a reply to EHLO: what follows this keyword, if the server offers it.
    pub fn offer(&self, keyword: &str) -> Option<impl Iterator<Item = &str>> {
        self.lines.iter().skip(1).find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next()?.eq_ignore_ascii_case(keyword).then_some(words)
        })
    }
}

fn read_code(digits: &[u8]) -> Option<u16> {
    let is_code = matches!(digits, [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9']);
    is_code.then(|| digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Reply, NotSmtp> {
        let mut reply = Reply::default();
        for line in text.split_inclusive('\n') {
            if reply.read_line(line.as_bytes())? {
                return Ok(reply);
            }
        }
        Err(NotSmtp)
    }

    #[test]
    fn one_line_or_several_are_a_reply() {
        for (said, code, text) in [
            ("250 2.0.0 ok\r\n", 250, "2.0.0 ok"),
            ("250\r\n", 250, ""),
            ("354 \n", 354, ""),
            ("550-5.1.1 no\r\n550-5.1.1 such\r\n550 user\r\n", 550, "5.1.1 no such user"),
            ("421-\r\n421\r\n", 421, " "),
        ] {
            let reply = read(said).unwrap();
            assert_eq!((reply.code, reply.text().as_str()), (code, text), "{said:?}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for said in [
            "",
            "\r\n",
            "25\r\n",
            "HTTP/1.1 400\r\n",
            "150 x\r\n",
            "690 x\r\n",
            "2500 x\r\n",
            "250-a\r\n",
            "250-a\r\n550 b\r\n",
        ] {
            assert_eq!(read(said), Err(NotSmtp), "{said:?}");
        }
    }

    #[test]
    fn what_is_offered_is_found_in_whatever_case() {
        let reply = read("250-AUTH\r\n250-starttls\r\n250-Auth PLAIN login\r\n250 SIZE 1\r\n").unwrap();
        assert!(reply.offer("STARTTLS").is_some() && reply.offer("SMTPUTF8").is_none());
        assert_eq!(reply.offer("AUTH").unwrap().collect::<Vec<_>>(), ["PLAIN", "login"]);
    }

    #[test]
    fn only_an_enhanced_code_is_one() {
        let code = |said: &str| read(said).unwrap().enhanced_code().map(str::to_owned);
        assert_eq!(code("535 5.7.8 no\r\n").as_deref(), Some("5.7.8"));
        for said in
            ["535 no\r\n", "535 5.7\r\n", "535 5.7.secret\r\n", "535 9.9.9\r\n", "535 5.7.8888 x\r\n", "535\r\n"]
        {
            assert_eq!(code(said), None, "{said:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let mut reply = Reply::default();
            for line in lines {
                if reply.read_line(&line).is_err() {
                    return Ok(());
                }
                let _ = (reply.text(), reply.enhanced_code(), reply.offer("AUTH").map(Iterator::count));
            }
        }
    }
}
