//! A model as `transformers` loads it: Qwen3's configuration, weights and tokenizer, no code of ours.

use crate::TrainError;
use crate::checkpoint::write_atomically;
use crate::model::{INITIAL_DEVIATION, NORM_EPSILON, ROPE_THETA};
use crate::models::Model;
use serde_json::{Value, json};
use std::path::Path;

impl Model {
    /// Writes the model into `folder`, which is made and must be empty.
    ///
    /// # Errors
    /// When the folder holds something, or the system refuses.
    pub fn export(&self, folder: &Path) -> Result<(), TrainError> {
        std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
        if std::fs::read_dir(folder).map_err(TrainError::io(folder))?.next().is_some() {
            return Err(TrainError::Refused(format!(
                "{} is not empty: name a new folder for the model",
                folder.display()
            )));
        }
        let weights = std::fs::read(&self.file).map_err(TrainError::io(&self.file))?;
        let write = |name: &str, bytes: &[u8]| write_atomically(&folder.join(name), &[bytes]);
        let pretty = |json: &Value| format!("{json:#}\n");
        write("model.safetensors", &weights)?;
        write("tokenizer.json", self.tokenizer.to_json().as_bytes())?;
        write("tokenizer_config.json", pretty(&self.tokenizer_config()).as_bytes())?;
        write("generation_config.json", pretty(&self.generation_config()).as_bytes())?;
        write("README.md", self.card().as_bytes())?;
        // Last: a folder with it is whole.
        write("config.json", pretty(&self.qwen3_config()).as_bytes())
    }

    fn qwen3_config(&self) -> Value {
        let (config, end_of_text) = (&self.config, self.tokenizer.end_of_text());
        json!({
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "vocab_size": config.vocabulary,
            "hidden_size": config.d_model,
            "intermediate_size": config.d_ff,
            "num_hidden_layers": config.n_layers,
            "num_attention_heads": config.n_heads,
            "num_key_value_heads": config.n_kv_heads,
            "head_dim": config.head_dim,
            "max_position_embeddings": config.sequence_length,
            "hidden_act": "silu",
            "rms_norm_eps": NORM_EPSILON,
            "initializer_range": INITIAL_DEVIATION,
            // Version 5 of transformers reads the second, earlier ones the first.
            "rope_theta": ROPE_THETA,
            "rope_parameters": { "rope_type": "default", "rope_theta": ROPE_THETA },
            "tie_word_embeddings": true,
            "attention_bias": false,
            "attention_dropout": 0.0,
            "use_sliding_window": false,
            "use_cache": true,
            "bos_token_id": end_of_text,
            "eos_token_id": end_of_text,
            "torch_dtype": "float32",
        })
    }

    fn generation_config(&self) -> Value {
        let end_of_text = self.tokenizer.end_of_text();
        json!({ "bos_token_id": end_of_text, "eos_token_id": end_of_text, "pad_token_id": end_of_text })
    }

    fn tokenizer_config(&self) -> Value {
        let end_of_text = self.end_of_text();
        json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": end_of_text,
            "eos_token": end_of_text,
            "pad_token": end_of_text,
            "model_max_length": self.config.sequence_length,
            "clean_up_tokenization_spaces": false,
        })
    }

    /// How the tokenizer spells its end-of-text token.
    fn end_of_text(&self) -> String {
        let json: Value = serde_json::from_str(self.tokenizer.to_json()).unwrap_or_default();
        let id = self.tokenizer.end_of_text();
        let added = json["added_tokens"].as_array().into_iter().flatten().find(|token| token["id"] == id);
        let added = added.and_then(|token| token["content"].as_str());
        let vocabulary = || json["model"]["vocab"].as_object()?.iter().find(|(_, known)| **known == id);
        added.or_else(|| vocabulary().map(|(spelling, _)| spelling.as_str())).unwrap_or_default().to_owned()
    }

    fn card(&self) -> String {
        let parameters: usize = self.weights.iter().map(Vec::len).sum();
        let Model { arm, seed, tokens, recipe_hash, config, .. } = self;
        let (vocabulary, length) = (config.vocabulary, config.sequence_length);
        format!(
            "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n\n\
             A Qwen3 model of {parameters} weights, trained by `corpus train` on {tokens} tokens of the arm `{arm}`, \
             seed {seed}, recipe {recipe_hash}.\n\
             The weights are the mean of those of the last steps, which is what was scored.\n\
             It knows {vocabulary} ids and was trained on sequences of {length}; every document begins with the \
             end-of-text token.\n\n\
             ```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n\
             tokenizer = AutoTokenizer.from_pretrained(\".\")\n\
             model = AutoModelForCausalLM.from_pretrained(\".\")\n\
             inputs = tokenizer(tokenizer.bos_token + \"The river\", return_tensors=\"pt\")\n\
             print(tokenizer.decode(model.generate(**inputs, max_new_tokens=64, do_sample=True)[0]))\n```\n"
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::checkpoint::{read_model, save_model};
    use crate::kernel;
    use crate::model::{Weight, Weights, layout};
    use crate::presets::ModelConfig;
    use burn::tensor::Device;
    use std::process::Command;
    use tempfile::{TempDir, tempdir};
    use tokens::Tokenizer;

    /// Matrices large enough for attention to matter, norms whose values differ.
    fn weights(config: &ModelConfig) -> Weights {
        let mut weights = Weights::initial(config, 3, &Device::flex());
        let row = weights.0[0].clone().narrow(0, 0, 1) * 10.0;
        for (weight, Weight { is_norm, columns, .. }) in weights.0.iter_mut().zip(layout(config)) {
            let old = weight.clone();
            *weight = if is_norm { old + row.clone().narrow(1, 0, columns) } else { old * 4.0 };
        }
        weights
    }

    /// A model of two blocks with grouped heads.
    fn model() -> (TempDir, Model) {
        let folder = tempdir().unwrap();
        let tokenizer = Tokenizer::default_32k().unwrap().truncated(4_096).unwrap();
        let config = ModelConfig {
            n_layers: 2,
            d_model: 48,
            n_heads: 4,
            n_kv_heads: 2,
            head_dim: 16,
            d_ff: 80,
            vocabulary: tokenizer.vocab_size(),
            sequence_length: 256,
        };
        let file = folder.path().join("model.safetensors");
        save_model(&file, &layout(&config), &weights(&config)).unwrap();
        let weights = read_model(&file, &layout(&config)).unwrap();
        let (arm, recipe_hash) = ("all".to_owned(), "0".to_owned());
        (folder, Model { arm, seed: 0, config, tokenizer, weights, file, tokens: 0, recipe_hash })
    }

    #[test]
    fn what_is_exported_reads_back_to_the_same_weights_and_ids() {
        let (folder, model) = model();
        let there = folder.path().join("exported");
        model.export(&there).unwrap();
        let again = read_model(&there.join("model.safetensors"), &layout(&model.config)).unwrap();
        assert!(again == kernel::values(&weights(&model.config)));
        let json = std::fs::read_to_string(there.join("tokenizer.json")).unwrap();
        let tokenizer = Tokenizer::from_json(&json).unwrap();
        let text = "Straße 東京, and <|endoftext|> spelled";
        assert_eq!(tokenizer.encode(text).unwrap(), model.tokenizer.encode(text).unwrap());
        assert_eq!((tokenizer.vocab_size(), model.end_of_text().as_str()), (4_096, "<|endoftext|>"));
        let config: Value =
            serde_json::from_slice(&std::fs::read(there.join("config.json")).unwrap()).unwrap();
        assert_eq!((&config["vocab_size"], &config["num_key_value_heads"]), (&json!(4_096), &json!(2)));
        let full = model.export(&there).unwrap_err().to_string();
        assert!(full.contains("is not empty"), "{full}");
        let damaged = folder.path().join("damaged.safetensors");
        std::fs::write(&damaged, &std::fs::read(&model.file).unwrap()[..10_000]).unwrap();
        assert!(read_model(&damaged, &layout(&model.config)).is_err());
        let other = ModelConfig { d_ff: 81, ..model.config.clone() };
        assert!(read_model(&model.file, &layout(&other)).is_err());
    }

    /// `check_exported.py` with a Python that has transformers and torch (CORPUS_TEST_PYTHON), on real pages
    /// (CORPUS_TEST_DATA).
    #[test]
    fn transformers_loads_it_as_qwen3_with_the_same_ids_and_logits() {
        let found = std::env::var("CORPUS_TEST_PYTHON").ok().zip(std::env::var("CORPUS_TEST_DATA").ok());
        let can_import = |python: &String| {
            let import = Command::new(python).args(["-c", "import transformers, torch"]).output();
            import.is_ok_and(|output| output.status.success())
        };
        let Some((python, data)) = found.filter(|(python, _)| can_import(python)) else {
            eprintln!(
                "skipped: CORPUS_TEST_PYTHON names no Python with transformers and torch, or CORPUS_TEST_DATA no pages"
            );
            return;
        };
        let (folder, model) = model();
        let there = folder.path().join("exported");
        model.export(&there).unwrap();
        let pages = std::fs::File::open(Path::new(&data).join("data/raw/web_pages.jsonl.zst")).unwrap();
        let pages = std::io::BufReader::new(zstd::Decoder::new(pages).unwrap());
        let mut logits: Vec<u8> = Vec::new();
        let cases = std::io::BufRead::lines(pages).step_by(97).take(8).map(|line| {
            let page: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let text: String = page["text"].as_str().unwrap().chars().take(400).collect();
            let ids: Vec<u32> = model.ids(&text).unwrap().into_iter().take(256).collect();
            logits.extend(model.logits(&ids).iter().flat_map(|logit| logit.to_le_bytes()));
            json!({ "text": text, "ids": ids })
        });
        let cases: Value = cases.collect();
        std::fs::write(folder.path().join("cases.json"), cases.to_string()).unwrap();
        std::fs::write(folder.path().join("logits.f32"), logits).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("check_exported.py");
        let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}{error}");
        let numbers: Value = serde_json::from_str(&said).unwrap();
        eprintln!("transformers: {numbers}");
        assert!(numbers["largest_difference"].as_f64().unwrap() <= 1e-4, "{numbers}");
        // Logits that differ from one another by much more than that.
        assert!(numbers["deviation"].as_f64().unwrap() > 0.1, "{numbers}");
        assert!(numbers["tokens"].as_u64().unwrap() > 500, "{numbers}");
    }
}
