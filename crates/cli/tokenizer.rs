//! `corpus tokenizer train raw/ -o tokenizer.json --vocab-size N`.

use std::path::PathBuf;

use anyhow::bail;
use arrow::array::{Array, StringArray};
use shards::{AtomicFile, ReadOptions, ShardReader};
use tokens::Trainer;

use crate::progress::Line;
use crate::{Exit, Voice};

#[derive(clap::Subcommand)]
pub enum Verb {
    /// Train a byte-level BPE on the texts of folders, files or patterns
    Train(Train),
}

#[derive(clap::Args)]
pub struct Train {
    /// Folders (recursive), files or patterns.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// Where the tokenizer.json goes.
    #[arg(short, long)]
    output: PathBuf,
    /// Ids, with the 256 bytes and the end-of-text token.
    #[arg(long, default_value_t = 32_768)]
    vocab_size: usize,
    /// Input field that holds the text; dots reach into nested fields.
    #[arg(long, default_value = "text")]
    text_column: String,
}

pub fn run(verb: Verb, voice: Voice) -> anyhow::Result<Exit> {
    let Verb::Train(args) = verb;
    if !(257..=1 << 20).contains(&args.vocab_size) {
        bail!("--vocab-size {}: 257 to 1048576 (256 bytes, end of text, then merges)", args.vocab_size);
    }
    let inputs = shards::discover(&args.inputs, &[])?;
    let options = ReadOptions { text_column: args.text_column, ..ReadOptions::default() };
    let line = Line::new(voice);
    let total = inputs.size();
    let mut done = 0;
    let mut documents = 0_u64;
    let mut trainer = Trainer::default();
    for shard in &inputs.shards {
        let mut reader = ShardReader::open(shard, &options)?;
        while let Some(block) = reader.next_block()? {
            let records = block.parse(&options)?.records;
            let texts = records.column_by_name("text").and_then(|c| c.as_any().downcast_ref::<StringArray>());
            for text in texts.into_iter().flatten().flatten() {
                trainer.add(text);
                documents += 1;
            }
            line.show("count", done + reader.consumed(), total, |_| format!("{documents} documents"));
        }
        done += shard.size;
    }
    line.show("merge", 0, 1, |_| String::new());
    let json = trainer.finish(args.vocab_size);
    line.end();
    AtomicFile::write_all_of(&args.output, json.as_bytes())?;
    if !voice.quiet {
        eprintln!("{}: trained on {documents} documents", args.output.display());
    }
    Ok(Exit::Done)
}
