//! A string builder for the metrics, which avoids the code size of `format!`.

#[derive(Debug, Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    /// Appends strings.
    #[inline(never)] // inlined, it would be most of the code of its many callers
    pub(super) fn add(&mut self, pieces: &[&str]) -> &mut Self {
        for piece in pieces {
            self.0.push_str(piece);
        }
        self
    }

    #[inline(never)]
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.push_str(&number.to_string());
        self
    }

    /// Appends numbers, separated by commas.
    pub(super) fn numbers(&mut self, numbers: &mut dyn Iterator<Item = u64>) -> &mut Self {
        let mut separator = "";
        for number in numbers {
            self.add(&[separator]).number(number);
            separator = ",";
        }
        self
    }
}
