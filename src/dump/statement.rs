//! Collects the first tokens of a statement, by which it is classified, and finds the semicolon that ends it.

use super::scanner::Part;

/// The number of tokens to keep. A statement that changes an owner has fewer, even with an operator name of 63
/// characters, each of which is a token.
const TOKENS: usize = 96;

/// The number of bytes of a token's text to keep, which is more than any keyword or setting has.
const TEXT: usize = 64;

/// A token outside parentheses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    part: Part,
    text: Vec<u8>,
}

impl Token {
    /// Whether the token is this keyword, given in capitals.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.part == Part::Word && self.text.eq_ignore_ascii_case(keyword.as_bytes())
    }

    pub(super) fn is_symbol(&self, symbol: u8) -> bool {
        self.part == Part::Symbol(symbol)
    }

    pub(super) fn is_any_symbol(&self) -> bool {
        matches!(self.part, Part::Symbol(_))
    }

    /// Whether the token is a name, quoted or not, or a keyword.
    pub(super) fn is_name(&self) -> bool {
        matches!(self.part, Part::Word | Part::Name)
    }

    pub(super) fn is_number(&self) -> bool {
        self.part == Part::Number
    }

    pub(super) fn is_string(&self) -> bool {
        self.part == Part::Text
    }

    /// Returns the word, or the text in the quotes.
    pub(super) fn value(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

/// The reason why psql would misread a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misread {
    /// psql takes a name for the beginning of a function's body.
    Begins,
    /// The statement contains what no function body can contain: psql has missed the end of the body because of a name
    /// such as `case`.
    NeverEnds,
}

/// A statement that is being read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    tokens: Vec<Token>,
    begun: bool,
    /// Whether the quoted text that follows belongs to the last token.
    is_text_kept: bool,
    parentheses: u32,
    body: Body,
}

/// psql's count of open blocks in a function's body, so that a semicolon in the body does not end the statement.
#[derive(Debug, Default)]
struct Body {
    /// The first words by initial: `C`REATE, `O`R, `R`EPLACE, `F`UNCTION, `P`ROCEDURE, or 0 for any other word.
    words: [u8; 4],
    count: usize,
    depth: u32,
    /// Whether the previous token is BEGIN.
    has_begun: bool,
    /// Whether the previous token is a semicolon in the body or in parentheses.
    is_fresh: bool,
}

impl Statement {
    pub(super) fn is_empty(&self) -> bool {
        !self.begun
    }

    /// Returns the first tokens outside parentheses. An opening parenthesis is a token; its content is left out.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Adds a token, which is neither blank nor quoted text. Returns whether it ends the statement.
    pub(super) fn push(&mut self, part: Part, text: &[u8]) -> Result<bool, Misread> {
        self.begun = true;
        self.body.push(part, text, self.parentheses)?;
        if part == Part::Symbol(b';') && self.parentheses == 0 && self.body.depth == 0 {
            return Ok(true);
        }
        let is_outside = self.parentheses == 0;
        match part {
            Part::Symbol(b'(') => self.parentheses += 1,
            Part::Symbol(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.is_text_kept = is_outside && self.tokens.len() < TOKENS;
        if self.is_text_kept {
            let is_quoted = matches!(part, Part::Name | Part::Text);
            let text = if is_quoted { Vec::new() } else { text[..text.len().min(TEXT)].to_vec() };
            self.tokens.push(Token { part, text });
        } else if is_outside && self.tokens.len() == TOKENS {
            // This marks the list of tokens as incomplete.
            self.tokens.push(Token { part: Part::Endless, text: Vec::new() });
        }
        Ok(false)
    }

    /// Adds quoted text to the last token.
    pub(super) fn inside(&mut self, text: &[u8]) {
        if let Some(token) = self.tokens.last_mut().filter(|_| self.is_text_kept) {
            let free = TEXT.saturating_sub(token.text.len());
            token.text.extend(&text[..text.len().min(free)]);
        }
    }
}

impl Body {
    fn push(&mut self, part: Part, text: &[u8], parentheses: u32) -> Result<(), Misread> {
        let is = |keyword: &str| part == Part::Word && text.eq_ignore_ascii_case(keyword.as_bytes());
        // psql counts every BEGIN, Postgres only BEGIN ATOMIC.
        if std::mem::take(&mut self.has_begun) && !is("ATOMIC") {
            return Err(Misread::Begins);
        }
        let is_fresh = std::mem::replace(&mut self.is_fresh, part == Part::Symbol(b';'));
        if part != Part::Word {
            return Ok(());
        }
        if is_fresh && ["ABORT", "COMMIT", "PREPARE", "ROLLBACK"].into_iter().any(is) {
            return Err(Misread::NeverEnds);
        }
        if let Some(word) = self.words.get_mut(self.count) {
            let known = ["CREATE", "OR", "REPLACE", "FUNCTION", "PROCEDURE"].into_iter().find(|known| is(known));
            *word = known.map_or(0, |known| known.as_bytes()[0]);
            self.count += 1;
        }
        let is_function = matches!(&self.words, [b'C', b'F' | b'P', ..] | [b'C', b'O', b'R', b'F' | b'P']);
        if !is_function || parentheses > 0 {
            return Ok(());
        }
        if is("BEGIN") {
            self.depth += 1;
            self.has_begun = true;
        } else if is("CASE") && self.depth > 0 {
            self.depth += 1;
        } else if is("END") && self.depth > 0 {
            if is_fresh && self.depth > 1 {
                return Err(Misread::NeverEnds);
            }
            self.depth -= 1;
        }
        Ok(())
    }
}
