//! `corpus export --model` and `corpus generate`: what becomes of the models of a training.

#[cfg(not(feature = "train"))]
use std::path::Path;
use std::path::PathBuf;

use crate::Voice;

#[derive(clap::Args)]
pub struct GenerateArgs {
    /// The output folder of `corpus clean` in which `corpus train` ran.
    out: PathBuf,
    /// Whose models write; without it, those of all arms side by side.
    #[arg(long, value_name = "ARM[:SEED]")]
    arm: Vec<String>,
    /// What the text begins with.
    #[arg(long, default_value = "")]
    prompt: String,
    /// Of the draws: the same seed writes the same text.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Tokens to write, at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tokens: u32,
    /// Below 1 likely tokens become likelier; 0 takes the likeliest every time.
    #[arg(long, default_value_t = 0.8, value_parser = temperature)]
    temperature: f64,
    /// Draw from so many of the likeliest tokens only.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,
    /// Draw from the likeliest tokens that together reach this probability only.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    top_p: f64,
    /// The folder of the training under out/train/, or how its name begins; by default the last.
    #[arg(long)]
    run: Option<String>,
}

fn temperature(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| "a number from 0 up".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| *value > 0.0 && *value <= 1.0);
    value.ok_or_else(|| "a number above 0, up to 1".to_owned())
}

#[cfg(not(feature = "train"))]
pub fn export(_: &Path, _: &Path, _: &str, _: Option<&str>, _: Voice) -> anyhow::Result<crate::Exit> {
    crate::train::without_trainer()
}

#[cfg(not(feature = "train"))]
pub fn generate(_: GenerateArgs, _: Voice) -> anyhow::Result<crate::Exit> {
    crate::train::without_trainer()
}

#[cfg(feature = "train")]
pub use with_trainer::{export, generate};

#[cfg(feature = "train")]
mod with_trainer {
    use std::path::Path;

    use ::train::{Model, Models, Sampling};
    use serde_json::json;

    use super::{GenerateArgs, Voice};
    use crate::{Exit, Format, print};

    /// Columns of a terminal that texts side by side fill, and the gap between two.
    const WIDTH: usize = 100;
    const GAP: usize = 2;
    /// Narrower columns are no longer read.
    const NARROWEST: usize = 22;

    /// The model `name` of a training of the run in `out`, into a new folder.
    pub fn export(
        out: &Path,
        folder: &Path,
        name: &str,
        run: Option<&str>,
        voice: Voice,
    ) -> anyhow::Result<Exit> {
        let model = Models::open(out, run)?.model(name)?;
        model.export(folder)?;
        if !voice.quiet {
            let (arm, seed, folder) = (&model.arm, model.seed, folder.display());
            eprintln!(
                "{folder} holds the model of arm {arm}, seed {seed}: AutoModelForCausalLM.from_pretrained(\"{folder}\")"
            );
        }
        Ok(Exit::Done)
    }

    pub fn generate(args: GenerateArgs, voice: Voice) -> anyhow::Result<Exit> {
        let models = Models::open(&args.out, args.run.as_deref())?;
        let names = if args.arm.is_empty() {
            models.arms().into_iter().map(str::to_owned).collect()
        } else {
            args.arm.clone()
        };
        let sampling = Sampling {
            tokens: args.tokens as usize,
            temperature: args.temperature,
            top_k: args.top_k.map_or(usize::MAX, |k| k as usize),
            top_p: args.top_p,
            seed: args.seed,
        };
        let mut texts: Vec<(Model, String)> = Vec::new();
        for name in &names {
            let model = models.model(name)?;
            let text = model.generate(&args.prompt, &sampling)?;
            texts.push((model, text));
        }
        match voice.format {
            Format::Json => {
                let text = |(model, text): &(Model, String)| json!({ "arm": model.arm, "seed": model.seed, "text": text });
                let texts: Vec<_> = texts.iter().map(text).collect();
                let json = json!({ "prompt": args.prompt, "seed": args.seed, "texts": texts });
                print(&format!("{json:#}\n"))?;
            }
            Format::Text => {
                let columns = texts.iter().map(|(model, text)| {
                    let name = if model.seed == 0 {
                        model.arm.clone()
                    } else {
                        format!("{}:{}", model.arm, model.seed)
                    };
                    (name, format!("{}{text}", args.prompt))
                });
                print(&side_by_side(&columns.collect::<Vec<_>>()))?;
            }
        }
        Ok(Exit::Done)
    }

    /// Texts in columns under their names; below one another where columns would be too narrow, and a single text as it is.
    fn side_by_side(texts: &[(String, String)]) -> String {
        let n = texts.len().max(1);
        let width = (WIDTH + GAP) / n - GAP;
        if n == 1 {
            return texts.iter().map(|(_, text)| format!("{text}\n")).collect();
        }
        if width < NARROWEST {
            let block =
                |(name, text): &(String, String)| format!("{name}\n{}\n\n", wrapped(text, WIDTH).join("\n"));
            return texts.iter().map(block).collect();
        }
        let column = |(name, text): &(String, String)| {
            let rule = "─".repeat(name.chars().count().min(width));
            [vec![name.chars().take(width).collect(), rule], wrapped(text, width)].concat()
        };
        let columns: Vec<Vec<String>> = texts.iter().map(column).collect();
        let n_lines = columns.iter().map(Vec::len).max().unwrap_or(0);
        let line = |i: usize| {
            let cell = |column: &Vec<String>| {
                format!("{:<1$}", column.get(i).map_or("", String::as_str), width + GAP)
            };
            columns.iter().map(cell).collect::<String>().trim_end().to_owned() + "\n"
        };
        (0..n_lines).map(line).collect()
    }

    /// Lines of at most `width` characters, cut between words where that is possible. What moves the cursor is a space.
    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split(|c: char| c.is_whitespace() || c.is_control()) {
                let mut word: Vec<char> = word.chars().collect();
                let used = line.chars().count();
                if used > 0 && used + 1 + word.len() > width {
                    lines.push(std::mem::take(&mut line));
                }
                while word.len() > width {
                    lines.push(word.drain(..width).collect());
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.extend(word);
            }
            lines.push(line);
        }
        lines
    }

    #[cfg(test)]
    mod tests {
        use super::{side_by_side, wrapped};

        #[test]
        fn texts_stand_beside_each_other() {
            let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
            let two = side_by_side(&[text("raw", "one two"), text("all", &"word ".repeat(20))]);
            let lines: Vec<&str> = two.lines().collect();
            assert_eq!(lines[0], format!("raw{}all", " ".repeat(48)));
            assert!(lines[2].starts_with("one two   ") && lines[2].ends_with(" word"), "{two}");
            assert!(lines.iter().all(|line| line.chars().count() <= 100), "{two}");
            let nine: Vec<_> = (0..9).map(|i| text(&i.to_string(), "so")).collect();
            assert!(side_by_side(&nine).starts_with("0\nso\n\n1\n"));
            assert_eq!(side_by_side(&[text("all", "as\tit  is")]), "as\tit  is\n");
            assert_eq!(wrapped("a bb\n\nabcdefg h", 3), ["a", "bb", "", "abc", "def", "g h"]);
        }
    }
}
