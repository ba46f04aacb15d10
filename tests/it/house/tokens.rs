//! Rust source as tokens, without comments and without what only tests have.

/// A token and the line on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or a keyword; a raw identifier without its mark.
    Word,
    /// A string, byte string or C string: what is between its quotes, escapes as they are.
    Text,
    /// A number, character or lifetime.
    Other,
    /// A sign; `::` is one.
    Sign,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text && matches!(self.kind, Kind::Word | Kind::Sign)
    }
}

/// All tokens of a file, tests included.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let source: Vec<char> = source.chars().collect();
    let mut reader = Reader { source: &source, at: 0, line: 1, tokens: Vec::new() };
    while reader.at < source.len() {
        reader.next();
    }
    reader.tokens
}

struct Reader<'s> {
    source: &'s [char],
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.source.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn begins(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == c)
    }

    /// Passes `count` characters over.
    fn skip(&mut self, count: usize) {
        let end = (self.at + count).min(self.source.len());
        self.line += self.source[self.at..end].iter().filter(|c| **c == '\n').count();
        self.at = end;
    }

    /// Takes `count` characters as a token.
    fn take(&mut self, kind: Kind, count: usize) {
        let text = self.source[self.at..self.at + count].iter().collect();
        self.tokens.push(Token { text, kind, line: self.line });
        self.skip(count);
    }

    fn word_length(&self, from: usize) -> usize {
        (from..).take_while(|&ahead| is_word(self.peek(ahead))).count()
    }

    fn next(&mut self) {
        let c = self.peek(0);
        // The letters that may stand before a quote: b, c, r, br, cr; and the signs of a raw one.
        let prefix = if matches!(c, 'b' | 'c') { 1 } else { 0 };
        let raw = usize::from(self.peek(prefix) == 'r');
        let signs = (prefix + raw..).take_while(|&ahead| raw == 1 && self.peek(ahead) == '#').count();
        if c.is_whitespace() {
            self.skip(1);
        } else if self.begins("//") {
            let end = (0..).find(|&ahead| matches!(self.peek(ahead), '\n' | '\0')).unwrap_or(0);
            self.skip(end);
        } else if self.begins("/*") {
            self.block_comment();
        } else if self.peek(prefix + raw + signs) == '"' {
            self.skip(prefix + raw + signs);
            self.text(raw == 1, signs);
        } else if c == 'r' && signs == 1 {
            self.skip(2);
            self.take(Kind::Word, self.word_length(0));
        } else if self.begins("b'") {
            self.skip(1);
            self.character();
        } else if c == '\'' {
            // A lifetime has no quote behind its name.
            if is_word(self.peek(1)) && self.peek(2) != '\'' {
                self.take(Kind::Other, 1 + self.word_length(1));
            } else {
                self.character();
            }
        } else if c.is_ascii_digit() {
            self.take(Kind::Other, self.word_length(0));
        } else if is_word(c) {
            self.take(Kind::Word, self.word_length(0));
        } else {
            self.take(Kind::Sign, if self.begins("::") { 2 } else { 1 });
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            let (step, by) = match (self.peek(0), self.peek(1)) {
                ('/', '*') => (2, 1),
                ('*', '/') => (2, -1),
                _ => (1, 0),
            };
            depth += by;
            self.skip(step);
            if depth == 0 || self.at == self.source.len() {
                return;
            }
        }
    }

    fn text(&mut self, raw: bool, signs: usize) {
        let line = self.line;
        self.skip(1);
        let start = self.at;
        while self.at < self.source.len() {
            if self.peek(0) == '\\' && !raw {
                self.skip(2);
            } else if self.peek(0) == '"' && (1..=signs).all(|ahead| self.peek(ahead) == '#') {
                break;
            } else {
                self.skip(1);
            }
        }
        let text = self.source[start..self.at].iter().collect();
        self.tokens.push(Token { text, kind: Kind::Text, line });
        self.skip(1 + signs);
    }

    fn character(&mut self) {
        let inner = if self.peek(1) == '\\' { 2 } else { 1 };
        let end = (1 + inner..).find(|&ahead| matches!(self.peek(ahead), '\'' | '\0')).unwrap_or(0);
        self.take(Kind::Other, (end + 1).min(self.source.len() - self.at));
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The index behind the bracket that closes the one at `open`.
pub(crate) fn behind_bracket(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open).filter(|(_, token)| token.kind == Kind::Sign) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Without each item, field or statement that is compiled for tests only.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let inner = usize::from(tokens.get(at + 1).is_some_and(|token| token.is("!")));
        let open = at + 1 + inner;
        let is_attribute = tokens[at].is("#") && tokens.get(open).is_some_and(|token| token.is("["));
        let end = if is_attribute { behind_bracket(tokens, open) } else { at + 1 };
        if is_attribute && is_for_tests(&tokens[open + 1..end - 1]) {
            if inner == 1 {
                return kept;
            }
            at = behind_item(tokens, end);
        } else {
            kept.extend_from_slice(&tokens[at..end]);
            at = end;
        }
    }
    kept
}

/// Whether this is a `cfg` that holds in tests only.
fn is_for_tests(attribute: &[Token]) -> bool {
    attribute.first().is_some_and(|token| token.is("cfg"))
        && attribute.len() > 3
        && needs_test(&attribute[2..attribute.len() - 1])
}

/// Whether a predicate of `cfg` holds only where `test` does.
fn needs_test(predicate: &[Token]) -> bool {
    let Some(first) = predicate.first() else { return false };
    if predicate.len() < 3 || !predicate[1].is("(") {
        return predicate.len() == 1 && first.is("test");
    }
    let inner = &predicate[2..behind_bracket(predicate, 1) - 1];
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < inner.len() {
        if inner[at].is(",") {
            parts.push(&inner[start..at]);
            start = at + 1;
        }
        at = if inner[at].is("(") { behind_bracket(inner, at) } else { at + 1 };
    }
    parts.push(&inner[start..]);
    parts.retain(|part| !part.is_empty());
    match first.text.as_str() {
        "all" => parts.iter().any(|part| needs_test(part)),
        "any" => parts.iter().all(|part| needs_test(part)),
        _ => false,
    }
}

/// The index behind the item, field or statement that begins at `start`, or behind its attributes.
fn behind_item(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while at + 1 < tokens.len() && tokens[at].is("#") {
        at = behind_bracket(tokens, at + 1);
    }
    // Braces end a function or a module, but not an import or a value, which have a semicolon behind them.
    let mut ends_with_braces = true;
    let mut is_item = false;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.kind == Kind::Sign {
            match token.text.as_str() {
                ";" => return at + 1,
                "," if !is_item => return at + 1,
                ")" | "]" | "}" => return at,
                "{" if ends_with_braces && is_item => return behind_bracket(tokens, at),
                "(" | "[" | "{" => {
                    at = behind_bracket(tokens, at);
                    continue;
                }
                _ => {}
            }
        } else if !is_item && token.kind == Kind::Word {
            ends_with_braces = !matches!(token.text.as_str(), "use" | "const" | "static" | "type" | "let");
            let function = token.is("const") && tokens.get(at + 1).is_some_and(|next| next.is("fn"));
            ends_with_braces |= function;
            is_item = !ends_with_braces
                || matches!(
                    token.text.as_str(),
                    "mod"
                        | "fn"
                        | "struct"
                        | "enum"
                        | "union"
                        | "trait"
                        | "impl"
                        | "unsafe"
                        | "async"
                        | "extern"
                )
                || function;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        without_tests(&tokens(source)).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_what_is_quoted_are_no_code() {
        let source = r##"a /* x /* y */ z */ b // c
            "d // \" e" r#"f " g"# b"h" 'i' '\'' '"' 'j k'l '\u{1f}' 1.5e3 r#type"##;
        assert_eq!(words(source), r#"a b d // \" e f " g h 'i' '\'' '"' 'j k 'l '\u{1f}' 1 . 5e3 type"#);
        assert_eq!(tokens("a\n\"b\nc\"\nd").iter().map(|token| token.line).collect::<Vec<_>>(), [1, 2, 4]);
    }

    #[test]
    fn what_only_tests_have_is_left_out_wherever_it_stands() {
        for (source, rest) in [
            ("#[cfg(test)] mod tests { fn a() {} } fn b() {}", "fn b ( ) { }"),
            ("#[cfg(test)] #[path = \"x.rs\"] mod x; c", "c"),
            ("#[cfg(all(test, unix))] use a::{b, c}; d", "d"),
            ("#[cfg(any(test, all(test, unix)))] pub(crate) const A: [u8; 2] = [1, 2]; e", "e"),
            ("#[cfg(test)] const fn a() -> u8 { 1 } f", "f"),
            ("struct S { #[cfg(test)] a: Vec<(u8, u8)>, b: u8 }", "struct S { b : u8 }"),
            ("f(#[cfg(test)] a)", "f ( )"),
            ("#![cfg(test)] mod a {}", ""),
        ] {
            assert_eq!(words(source), rest, "{source}");
        }
        for kept in ["#[cfg(not(test))] a", "#[cfg(any(test, unix))] a", "#[cfg(feature = \"test\")] a"] {
            assert!(words(kept).ends_with('a'), "{kept}");
        }
    }
}
