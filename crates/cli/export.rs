//! `corpus export`: what a run made, as other programs load it: a trained model, or the tokens.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use engine::{Exported, SplitCounts, export_tokens};
use tokens::TokenFormat;

use crate::progress::Line;
use crate::{Exit, Voice, models};

#[derive(clap::Args)]
pub struct Args {
    /// The output folder of `corpus clean`.
    out: PathBuf,
    /// The new folder for the model or the tokens.
    folder: PathBuf,
    /// Which model of `corpus train`: the averaged weights of an arm, of seed 0 or of another, as `transformers` loads
    /// them (Qwen3).
    #[arg(long, value_name = "ARM[:SEED]", required_unless_present = "tokens", conflicts_with = "tokens")]
    model: Option<String>,
    /// The tokens to train on and those of held-out documents, as another trainer reads them (nanochat: texts).
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    tokens: Option<TokenFormat>,
    /// The folder of the training under out/train/, or how its name begins; by default the last.
    #[arg(long, requires = "model")]
    run: Option<String>,
}

fn formats() -> impl TypedValueParser<Value = TokenFormat> {
    let parse = |name: String| TokenFormat::ALL.into_iter().find(|format| format.as_str() == name);
    PossibleValuesParser::new(TokenFormat::ALL.map(TokenFormat::as_str))
        .try_map(move |name| parse(name).ok_or("not a format"))
}

pub fn run(args: Args, voice: Voice) -> anyhow::Result<Exit> {
    let Args { out, folder, model, tokens, run } = args;
    let Some(format) = tokens else {
        return models::export(&out, &folder, &model.unwrap_or_default(), run.as_deref(), voice);
    };
    let line = Line::new(voice);
    let told = |done, total| line.show("export", done, total, |_| format!("{done} tokens"));
    let exported = export_tokens(&out, &folder, format, &told);
    line.end();
    let Exported { train, val, files, bytes, dtype } = exported?;
    if !voice.quiet {
        let counts = |of: SplitCounts| format!("{} documents ({} tokens)", of.documents, of.tokens);
        let ids =
            if format == TokenFormat::Nanochat { "texts".to_owned() } else { format!("ids of {dtype}") };
        let (train, val, megabytes) = (counts(train), counts(val), bytes as f64 / 1e6);
        eprintln!(
            "{}: {train} to train on and {val} to validate on, {ids}, {files} files of {megabytes:.1} MB together",
            folder.display()
        );
    }
    Ok(Exit::Done)
}
