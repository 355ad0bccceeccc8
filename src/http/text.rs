//! Text that is put together piece by piece, without the machinery of formatting: most of what is
//! said of an isolate is numbers.

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    /// Adds pieces as they are.
    #[inline(never)] // it would be most of its many callers
    pub(super) fn add(&mut self, pieces: &[&str]) -> &mut Self {
        for piece in pieces {
            self.0.push_str(piece);
        }
        self
    }

    /// Adds a whole number.
    #[inline(never)]
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.push_str(&number.to_string());
        self
    }

    /// Adds numbers with commas between them.
    pub(super) fn numbers(&mut self, numbers: &mut dyn Iterator<Item = u64>) -> &mut Self {
        let mut between = "";
        for number in numbers {
            self.add(&[between]).number(number);
            between = ",";
        }
        self
    }
}
