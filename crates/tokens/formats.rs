//! The token files of other trainers: how wide their ids are, where their documents end, what stands around them.
//!
//! Sources: Megatron-LM's `indexed_dataset.py`, datatrove's `TokenizedFile` (nanotron), llm.c's `dev/data/data_common.py`,
//! nanoGPT's `prepare.py`, OLMo-core's NumPy data sets (memory-mapped, without NumPy's header), nanochat's `dataset.py`.

use std::io::{self, Write};

/// Tokens or texts as another trainer reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    Megatron,
    Datatrove,
    LlmC,
    NanoGpt,
    Olmo,
    /// Texts, since it brings its own tokenizer.
    Nanochat,
}

/// Bytes of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdWidth {
    Two,
    Four,
}

impl TokenFormat {
    pub const ALL: [TokenFormat; 6] = [
        TokenFormat::Megatron,
        TokenFormat::Datatrove,
        TokenFormat::LlmC,
        TokenFormat::NanoGpt,
        TokenFormat::Olmo,
        TokenFormat::Nanochat,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            TokenFormat::Megatron => "megatron",
            TokenFormat::Datatrove => "datatrove",
            TokenFormat::LlmC => "llm.c",
            TokenFormat::NanoGpt => "nanogpt",
            TokenFormat::Olmo => "olmo",
            TokenFormat::Nanochat => "nanochat",
        }
    }

    /// The end-of-text token stands before a document, or behind it.
    pub fn begins_with_end_of_text(self) -> bool {
        self == TokenFormat::LlmC
    }

    /// How wide ids of a vocabulary are; the error says what the trainer cannot read.
    pub fn width(self, vocab_size: usize) -> Result<IdWidth, String> {
        // Megatron keeps some 16-bit values for itself.
        let most = if self == TokenFormat::Megatron { 65_499 } else { 65_536 };
        match (self, vocab_size <= most) {
            (_, true) => Ok(IdWidth::Two),
            (TokenFormat::NanoGpt, false) => Err(format!(
                "nanoGPT reads ids of 16 bits, and this vocabulary has {vocab_size}; clean with a smaller tokenizer, or take \
                 another format"
            )),
            (_, false) => Ok(IdWidth::Four),
        }
    }
}

impl IdWidth {
    pub fn bytes(self) -> u64 {
        match self {
            IdWidth::Two => 2,
            IdWidth::Four => 4,
        }
    }

    /// NumPy's name of the type; Megatron's wide ids are signed.
    pub fn dtype(self, format: TokenFormat) -> &'static str {
        match (self, format) {
            (IdWidth::Two, _) => "uint16",
            (IdWidth::Four, TokenFormat::Megatron) => "int32",
            (IdWidth::Four, _) => "uint32",
        }
    }

    /// Little-endian; an id that does not fit is cut to its low bits, which [`TokenFormat::width`] rules out.
    pub fn write(self, ids: &[u32], out: &mut impl Write) -> io::Result<()> {
        match self {
            IdWidth::Two => ids.iter().try_for_each(|id| out.write_all(&(*id as u16).to_le_bytes())),
            IdWidth::Four => ids.iter().try_for_each(|id| out.write_all(&id.to_le_bytes())),
        }
    }
}

/// What begins a file of llm.c with this many tokens: 256 numbers, GPT-2's magic number for narrow ids, Llama 3's for wide.
pub fn llm_c_header(width: IdWidth, n_tokens: u32) -> [u8; 1024] {
    let (magic, version) = match width {
        IdWidth::Two => (20_240_520_u32, 1_u32),
        IdWidth::Four => (20_240_801, 7),
    };
    let mut header = [0; 1024];
    for (place, number) in header.as_chunks_mut::<4>().0.iter_mut().zip([magic, version, n_tokens]) {
        *place = number.to_le_bytes();
    }
    header
}

/// Writes Megatron's `.idx` of documents with these numbers of tokens, each a sequence of its own.
pub fn megatron_index(width: IdWidth, lengths: &[u32], out: &mut impl Write) -> io::Result<()> {
    let code = match width {
        IdWidth::Two => 8_u8,
        IdWidth::Four => 4,
    };
    let n = lengths.len() as u64;
    out.write_all(b"MMIDIDX\0\0")?;
    out.write_all(&1_u64.to_le_bytes())?;
    out.write_all(&[code])?;
    out.write_all(&n.to_le_bytes())?;
    // Where documents begin, and where the last one ends.
    out.write_all(&(n + 1).to_le_bytes())?;
    lengths.iter().try_for_each(|length| out.write_all(&length.to_le_bytes()))?;
    let mut at = 0;
    for length in lengths {
        out.write_all(&u64::to_le_bytes(at))?;
        at += u64::from(*length) * width.bytes();
    }
    (0..=n).try_for_each(|document| out.write_all(&document.to_le_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_narrow_as_the_reader_allows() {
        for format in TokenFormat::ALL {
            assert_eq!(format.width(32_768), Ok(IdWidth::Two));
        }
        assert_eq!(TokenFormat::Megatron.width(65_500), Ok(IdWidth::Four));
        assert_eq!(TokenFormat::Olmo.width(65_536), Ok(IdWidth::Two));
        assert_eq!(TokenFormat::LlmC.width(65_537), Ok(IdWidth::Four));
        assert!(TokenFormat::NanoGpt.width(100_000).unwrap_err().contains("16 bits"));
        let mut out = Vec::new();
        IdWidth::Two.write(&[1, 65_535], &mut out).unwrap();
        IdWidth::Four.write(&[65_536], &mut out).unwrap();
        assert_eq!(out, [1, 0, 255, 255, 0, 0, 1, 0]);
    }

    #[test]
    fn headers_are_as_published() {
        let header = llm_c_header(IdWidth::Two, 7);
        assert_eq!(header[..12], [0x88, 0xd8, 0x34, 0x01, 1, 0, 0, 0, 7, 0, 0, 0]);
        assert!(header[12..].iter().all(|byte| *byte == 0));
        assert_eq!(llm_c_header(IdWidth::Four, 0)[..8], [0xa1, 0xd9, 0x34, 0x01, 7, 0, 0, 0]);
        let mut index = Vec::new();
        megatron_index(IdWidth::Two, &[3, 5], &mut index).unwrap();
        assert_eq!(index.len(), 9 + 8 + 1 + 8 + 8 + 2 * 4 + 2 * 8 + 3 * 8);
        assert_eq!((&index[..9], index[17], index[18], index[26]), (&b"MMIDIDX\0\0"[..], 8, 2, 3));
        // Lengths 3 and 5; bytes 0 and 6; documents 0, 1, 2.
        let tail: Vec<u8> = index[34..].iter().copied().filter(|byte| *byte > 0).collect();
        assert_eq!(tail, [3, 5, 6, 1, 2]);
    }
}
