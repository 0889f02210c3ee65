//! What may be shown of anything that was refused.

/// Stands in inputs for a secret, or for a value that is to be refused. No text of neodyme's own has it.
pub const CANARY: &str = "canary";

/// Fails if the text is long, has more than one line, or repeats what it must not.
pub fn assert_presentable(text: &str, longest: usize) {
    assert_tidy(text, longest);
    assert_no_canary(text);
}

/// Fails if the text is long, or has more than one line.
pub fn assert_tidy(text: &str, longest: usize) {
    assert!(text.len() <= longest, "{} bytes: {text}", text.len());
    assert!(!text.chars().any(char::is_control), "a control character in {text:?}");
}

/// Fails if the text repeats what it must not.
pub fn assert_no_canary(text: &str) {
    assert!(!text.to_lowercase().contains(CANARY), "repeated: {text}");
}
