//! The files of one split in one format, written as documents come.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shards::{AtomicFile, ParquetSink, Receipt, SinkOptions};
use tokens::{IdWidth, TokenFormat, Tokenizer, llm_c_header, megatron_index};

use super::SplitCounts;
use crate::error::EngineError;

/// Tokens of a file, where a format has its tokens in many: those of llm.c's own data sets.
const FILE_TOKENS: u64 = 100_000_000;
/// Bytes of text in a file of nanochat, and documents in a row group, which its ranks take in turn.
const FILE_TEXT: u64 = 250_000_000;
const GROUP_TEXTS: usize = 1024;

/// What is to be written.
#[derive(Clone, Copy)]
pub(super) struct Split<'a> {
    pub folder: &'a Path,
    pub name: &'static str,
    pub format: TokenFormat,
    pub width: IdWidth,
    pub tokenizer: &'a Tokenizer,
    /// Tokens that are to come, with one for each document's end.
    pub total: u64,
}

pub(super) struct SplitFiles<'a> {
    pub counts: SplitCounts,
    split: Split<'a>,
    /// Tokens of each file.
    per_file: u64,
    /// Megatron: tokens of each document.
    lengths: Vec<u32>,
    /// The file that is written to: of ids, or of texts.
    ids: Option<Ids>,
    texts: Option<Texts>,
    done: Vec<Receipt>,
}

struct Ids {
    file: AtomicFile,
    path: PathBuf,
    /// datatrove: where documents end.
    ends: Option<(AtomicFile, PathBuf)>,
    tokens: u64,
}

struct Texts {
    sink: ParquetSink,
    /// Of the row group to come.
    texts: Vec<String>,
    bytes: u64,
}

impl<'a> SplitFiles<'a> {
    pub fn new(split: Split<'a>) -> SplitFiles<'a> {
        // Equal files: a short last one would be refused by llm.c.
        let n_files = split.total.div_ceil(FILE_TOKENS).max(1);
        SplitFiles {
            counts: SplitCounts::default(),
            split,
            per_file: split.total.div_ceil(n_files).max(1),
            lengths: Vec::new(),
            ids: None,
            texts: None,
            done: Vec::new(),
        }
    }

    /// Adds a document, given without end-of-text token.
    pub fn add(&mut self, ids: &[u32]) -> Result<(), EngineError> {
        self.counts.documents += 1;
        if self.split.format == TokenFormat::Nanochat {
            self.counts.tokens += ids.len() as u64 + 1;
            return self.add_text(ids);
        }
        let end = [self.split.tokenizer.end_of_text()];
        let parts: [&[u32]; 2] =
            if self.split.format.begins_with_end_of_text() { [&end, ids] } else { [ids, &end] };
        for mut part in parts {
            while !part.is_empty() {
                let room = self.room()?;
                let (now, rest) = part.split_at(part.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                let Some(open) = &mut self.ids else { continue };
                self.split.width.write(now, &mut open.file).map_err(EngineError::io(&open.path))?;
                open.tokens += now.len() as u64;
                self.counts.tokens += now.len() as u64;
                part = rest;
            }
        }
        self.lengths.extend((self.split.format == TokenFormat::Megatron).then_some(ids.len() as u32 + 1));
        if let Some(Ids { ends: Some((file, path)), tokens, .. }) = &mut self.ids {
            file.write_all(&tokens.to_le_bytes()).map_err(EngineError::io(&*path))?;
            // datatrove's files hold whole documents.
            if *tokens >= self.per_file {
                self.close()?;
            }
        }
        Ok(())
    }

    /// Tokens that the open file still takes, at least one; opens the next file if need be.
    fn room(&mut self) -> Result<u64, EngineError> {
        let is_cut = self.split.format == TokenFormat::LlmC;
        if let Some(open) = &self.ids {
            if !is_cut {
                return Ok(u64::MAX);
            }
            if open.tokens < self.per_file {
                return Ok(self.per_file - open.tokens);
            }
            self.close()?;
        }
        let number = self.done.len();
        let name = match self.split.format {
            TokenFormat::LlmC => format!("{}_{number:06}.bin", self.split.name),
            // The index of each file stands beside it.
            TokenFormat::Datatrove => format!("{}/{:05}.ds", self.split.name, number / 3),
            TokenFormat::Olmo => format!("{}.npy", self.split.name),
            TokenFormat::Megatron | TokenFormat::NanoGpt | TokenFormat::Nanochat => {
                format!("{}.bin", self.split.name)
            }
        };
        let path = self.split.folder.join(name);
        let mut file = AtomicFile::create(&path)?;
        if is_cut {
            let n_tokens = self.per_file.min(self.split.total.saturating_sub(self.counts.tokens)) as u32;
            file.write_all(&llm_c_header(self.split.width, n_tokens)).map_err(EngineError::io(&path))?;
        }
        let ends = match self.split.format {
            TokenFormat::Datatrove => {
                let path = path.with_extension("ds.index");
                Some((AtomicFile::create(&path)?, path))
            }
            _ => None,
        };
        self.ids = Some(Ids { file, path, ends, tokens: 0 });
        Ok(if is_cut { self.per_file } else { u64::MAX })
    }

    fn add_text(&mut self, ids: &[u32]) -> Result<(), EngineError> {
        let text = String::from_utf8_lossy(&self.split.tokenizer.decode_bytes(ids)).into_owned();
        let open = match &mut self.texts {
            Some(open) => open,
            none => {
                let name = format!("{}_{:05}.parquet", self.split.name, self.done.len());
                let options = SinkOptions { row_group_rows: GROUP_TEXTS, ..SinkOptions::default() };
                let sink = ParquetSink::create(&self.split.folder.join(name), text_schema(), &options)?;
                none.insert(Texts { sink, texts: Vec::new(), bytes: 0 })
            }
        };
        open.bytes += text.len() as u64;
        open.texts.push(text);
        if open.texts.len() == GROUP_TEXTS {
            open.write()?;
        }
        if open.bytes >= FILE_TEXT { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), EngineError> {
        if let Some(mut open) = self.texts.take() {
            open.write()?;
            self.done.push(open.sink.commit()?);
        }
        if let Some(Ids { file, path, ends, tokens }) = self.ids.take() {
            self.done.push(file.commit(tokens)?);
            if let Some((file, _)) = ends {
                self.done.push(file.commit(0)?);
                self.done.push(self.metadata(&path, tokens)?);
            }
        }
        Ok(())
    }

    /// What datatrove writes beside its files: tokenizer and bytes of an id, tokens, tokens for people.
    fn metadata(&self, path: &Path, tokens: u64) -> Result<Receipt, EngineError> {
        let text = format!("tokenizer.json|{}\n{tokens}\n{}", self.split.width.bytes(), for_people(tokens));
        Ok(AtomicFile::write_all_of(&path.with_extension("ds.metadata"), text.as_bytes())?)
    }

    /// The files of the split; none if it has no documents.
    pub fn finish(mut self) -> Result<Vec<Receipt>, EngineError> {
        self.close()?;
        if self.counts.tokens != self.split.total {
            let why = format!(
                "{} tokens where {} are due; verify the run's files",
                self.counts.tokens, self.split.total
            );
            return Err(EngineError::Export { path: self.split.folder.join(self.split.name), why });
        }
        if !self.lengths.is_empty() {
            let path = self.split.folder.join(format!("{}.idx", self.split.name));
            let mut file = AtomicFile::create(&path)?;
            megatron_index(self.split.width, &self.lengths, &mut file).map_err(EngineError::io(&path))?;
            self.done.push(file.commit(self.lengths.len() as u64)?);
        }
        Ok(self.done)
    }
}

/// Three digits, as in datatrove's own: `1.23 MT`.
fn for_people(tokens: u64) -> String {
    let exponent = tokens.checked_ilog10().unwrap_or(0);
    let value = tokens as f64 / 1000_f64.powi((exponent / 3) as i32);
    let decimals = 2 - (exponent % 3) as usize;
    format!("{value:.decimals$} {}T", ["", "k", "M", "G", "T", "P", "E"][(exponent / 3) as usize])
}

fn text_schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]))
}

impl Texts {
    fn write(&mut self) -> Result<(), EngineError> {
        if self.texts.is_empty() {
            return Ok(());
        }
        let column = StringArray::from_iter_values(self.texts.drain(..));
        Ok(self.sink.write(&RecordBatch::try_new(text_schema(), vec![Arc::new(column)])?)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is written of documents of these lengths, with `per_file` tokens in a file.
    fn written(format: TokenFormat, per_file: u64) -> Vec<(String, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = Tokenizer::default_32k().unwrap();
        let documents = [7_u32, 0, 12, 5].map(|n| (100..100 + n).collect::<Vec<_>>());
        let total = documents.iter().map(|ids| ids.len() as u64 + 1).sum();
        let (width, tokenizer) = (IdWidth::Two, &tokenizer);
        let split = Split { folder: folder.path(), name: "train", format, width, tokenizer, total };
        let mut files = SplitFiles::new(split);
        files.per_file = per_file;
        documents.iter().for_each(|ids| files.add(ids).unwrap());
        let receipts = files.finish().unwrap().into_iter();
        receipts
            .map(|file| (file.output_file(folder.path()).path, std::fs::read(file.path).unwrap()))
            .collect()
    }

    #[test]
    fn llm_c_has_files_of_one_size_that_join() {
        let whole = written(TokenFormat::LlmC, 28);
        let parts = written(TokenFormat::LlmC, 10);
        let names: Vec<_> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["train_000000.bin", "train_000001.bin", "train_000002.bin"]);
        let n_tokens = |bytes: &[u8]| u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        let sizes = parts.iter().map(|(_, bytes)| (n_tokens(bytes), bytes.len() - 1024));
        assert!(sizes.eq([(10, 20), (10, 20), (8, 16)]));
        let joined: Vec<u8> = parts.iter().flat_map(|(_, bytes)| &bytes[1024..]).copied().collect();
        assert!(whole.len() == 1 && joined == whole[0].1[1024..]);
    }

    #[test]
    fn datatrove_has_whole_documents_in_a_file() {
        let parts = written(TokenFormat::Datatrove, 8);
        let names: Vec<_> =
            parts.iter().map(|(name, _)| name.as_str()).filter(|name| name.ends_with(".ds")).collect();
        assert_eq!(names, ["train/00000.ds", "train/00001.ds", "train/00002.ds"]);
        let of = |name: &str| parts.iter().find(|(found, _)| found == name).map(|(_, bytes)| bytes).unwrap();
        let ends = |name: &str| -> Vec<u64> {
            of(name).as_chunks::<8>().0.iter().map(|end| u64::from_le_bytes(*end)).collect()
        };
        assert_eq!(ends("train/00000.ds.index"), [8]);
        assert_eq!(ends("train/00001.ds.index"), [1, 14]);
        assert_eq!((ends("train/00002.ds.index"), of("train/00002.ds").len()), (vec![6], 12));
        assert_eq!(of("train/00001.ds.metadata"), b"tokenizer.json|2\n14\n14.0 T");
    }

    #[test]
    fn numbers_for_people_have_three_digits() {
        let expected = ["0.00 T", "7.00 T", "999 T", "12.3 kT", "1.23 MT", "100 GT"];
        let found = [0, 7, 999, 12_345, 1_234_567, 100_000_000_000].map(for_people);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_number_of_tokens_that_is_not_the_promised_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = Tokenizer::default_32k().unwrap();
        let (format, width, tokenizer) = (TokenFormat::Olmo, IdWidth::Two, &tokenizer);
        let split = Split { folder: folder.path(), name: "val", format, width, tokenizer, total: 9 };
        let mut files = SplitFiles::new(split);
        files.add(&[1, 2, 3]).unwrap();
        assert!(files.finish().unwrap_err().to_string().contains("4 tokens where 9 are due"));
    }
}
