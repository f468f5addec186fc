//! Arms: which documents of the control sample a model is trained on, in which order, as which tokens.

use crate::TrainError;
use crate::data::{ControlDocument, Corpus};
use crate::random::rehash;
use crate::selection::{is_shuffled, kept_by, shuffled};
use crate::spikes::DocumentName;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::OnceLock;
use tokens::{Cache, Tokenizer, shuffle_key};

/// Seed of the draws that define arms.
const DRAW_SEED: u64 = 0x6172_6d73;

/// Tokens of the documents from which a run's pieces are drawn, at least: enough documents for any small run.
const POOL: usize = 8_000_000;
/// Set on the first id of every piece in a stream: what stands before belongs to another document.
pub const PIECE_START: u32 = 1 << 31;

/// What of the control sample an arm keeps. No arm but `Leak` sees held-out documents, and none
/// their near-duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Every original text.
    Raw,
    /// Originals without a `language.*` or `input.*` reason.
    LanguageOnly,
    /// Originals drawn from `raw` by sampling key until they have as many tokens as `all`; another draw for each seed,
    /// so that the interval of a difference knows what the draw adds to the noise.
    RandomDrop,
    /// What the recipe keeps, as the recipe leaves it.
    All,
    /// What some of the recipe's stages keep.
    Stages(Stages),
    /// `raw` with the words of so many per cent of its documents in another order.
    Shuffled(u32),
    /// `raw` and what is held out of the input.
    Leak,
    /// Texts of the user's own.
    Own,
}

/// Stages of the recipe, and how an arm of them has its documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    /// A document with a reason of one of these goes.
    pub applied: Vec<String>,
    /// What the recipe keeps is no duplicate of anything.
    pub keeps_kept: bool,
    /// Documents are as the recipe leaves them.
    pub is_rewritten: bool,
}

/// An arm by name; `half` restricts it to one of two disjoint halves by sampling key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmSpec {
    /// Name in tables: letters, digits, `_`, `:`, `+` and `-`.
    pub name: String,
    /// Which documents.
    pub arm: Arm,
    /// `Some(0)` or `Some(1)`: only that half.
    pub half: Option<u8>,
    /// Number of the order in which its text is read; in one order arms have unchanged documents at the same place.
    #[serde(default, skip_serializing_if = "is_usual_order")]
    pub order: u16,
    /// Tokens of its runs, in per cent of the other arms'.
    #[serde(default = "usual_tokens", skip_serializing_if = "is_usual_tokens")]
    pub tokens_percent: u32,
    /// What its learning rate is divided by.
    #[serde(default = "usual_rate", skip_serializing_if = "is_usual_rate")]
    pub rate_divisor: u32,
}

fn is_usual_order(order: &u16) -> bool {
    *order == 0
}

fn usual_tokens() -> u32 {
    100
}

fn is_usual_tokens(percent: &u32) -> bool {
    *percent == usual_tokens()
}

fn usual_rate() -> u32 {
    1
}

fn is_usual_rate(divisor: &u32) -> bool {
    *divisor == usual_rate()
}

impl ArmSpec {
    /// An arm of all text at the usual settings.
    pub fn new(name: &str, arm: Arm) -> ArmSpec {
        let (tokens_percent, rate_divisor) = (usual_tokens(), usual_rate());
        ArmSpec { name: name.to_owned(), arm, half: None, order: 0, tokens_percent, rate_divisor }
    }

    /// The arms of the default run.
    pub fn default_run() -> Vec<ArmSpec> {
        [Arm::Raw, Arm::LanguageOnly, Arm::RandomDrop, Arm::All].map(ArmSpec::from).into()
    }

    /// Two arms of one definition on disjoint halves: any difference between them is noise.
    pub fn halves(arm: Arm) -> Vec<ArmSpec> {
        let whole = ArmSpec::from(arm);
        let part =
            |half| ArmSpec { name: format!("{}_half{half}", whole.name), half: Some(half), ..whole.clone() };
        (0..2).map(part).collect()
    }
}

impl From<Arm> for ArmSpec {
    fn from(arm: Arm) -> Self {
        let name = match arm {
            Arm::Raw => "raw",
            Arm::LanguageOnly => "language_only",
            Arm::RandomDrop => "random_drop",
            Arm::All => "all",
            Arm::Stages(_) => "stages",
            Arm::Shuffled(_) => "neg",
            Arm::Leak => "raw+leak",
            Arm::Own => "pos",
        };
        ArmSpec::new(name, arm)
    }
}

/// Indices into the corpus' documents that belong to an arm in the runs of a seed, ascending.
pub fn members(spec: &ArmSpec, documents: &[ControlDocument], seed: u32) -> Vec<usize> {
    let eligible = |i: &usize| {
        let document = &documents[*i];
        let half = (rehash(DRAW_SEED, document.sampling_key) & 1) as u8;
        let is_own = spec.arm == Arm::Own;
        let is_fair = !document.excluded && (!document.is_heldout || spec.arm == Arm::Leak);
        is_fair && document.is_own == is_own && spec.half.is_none_or(|wanted| wanted == half)
    };
    let all = (0..documents.len()).filter(eligible);
    match &spec.arm {
        Arm::Raw | Arm::Shuffled(_) | Arm::Leak | Arm::Own => all.collect(),
        Arm::Stages(stages) => kept_by(stages, documents, all),
        Arm::LanguageOnly => all.filter(|&i| documents[i].wanted_language).collect(),
        Arm::All => all.filter(|&i| documents[i].kept).collect(),
        Arm::RandomDrop => {
            let target: u64 =
                all.clone().filter(|&i| documents[i].kept).map(|i| documents[i].kept_tokens).sum();
            let mut drawn: Vec<usize> = all.collect();
            drawn.sort_by_key(|&i| (rehash(DRAW_SEED + 1 + u64::from(seed), documents[i].sampling_key), i));
            let mut n_tokens = 0;
            drawn.retain(|&i| {
                let wanted = n_tokens < target;
                n_tokens += documents[i].original_tokens;
                wanted
            });
            drawn.sort_unstable();
            drawn
        }
    }
}

/// What a run reads, in order.
pub struct Stream {
    pub ids: Vec<u32>,
    /// The first token of every piece, and the document that it is of.
    pub pieces: Vec<(usize, DocumentName)>,
}

impl Stream {
    /// The documents that a range of tokens is of, each once.
    pub fn documents(&self, tokens: Range<usize>) -> Vec<DocumentName> {
        let first = self.pieces.partition_point(|piece| piece.0 <= tokens.start).saturating_sub(1);
        let mut found: Vec<DocumentName> = Vec::new();
        for (_, name) in self.pieces[first..].iter().take_while(|piece| piece.0 < tokens.end) {
            if !found.contains(name) {
                found.push(name.clone());
            }
        }
        found
    }
}

/// How an arm has a document's text.
#[derive(PartialEq, Eq)]
enum Form {
    /// As it came.
    Original,
    /// As the recipe leaves it.
    Rewritten,
    /// Its words in another order.
    Shuffled,
}

/// Documents in the model's own vocabulary, encoded when first asked for.
pub struct Library<'c> {
    corpus: &'c Corpus,
    tokenizer: Tokenizer,
    original: Vec<OnceLock<Vec<u32>>>,
    rewritten: Vec<OnceLock<Vec<u32>>>,
    shuffled: Vec<OnceLock<Vec<u32>>>,
}

impl<'c> Library<'c> {
    /// `tokenizer` is the model's, not the corpus'.
    pub fn new(corpus: &'c Corpus, tokenizer: Tokenizer) -> Self {
        let empty = || (0..corpus.documents.len()).map(|_| OnceLock::new()).collect();
        Library { corpus, tokenizer, original: empty(), rewritten: empty(), shuffled: empty() }
    }

    pub fn corpus(&self) -> &Corpus {
        self.corpus
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// End-of-text and the ids of document `i` as the arm has it.
    fn ids(&self, arm: &Arm, i: usize, cache: &mut Cache) -> &[u32] {
        let document = &self.corpus.documents[i];
        match self.form(arm, i) {
            Form::Original => self.original[i].get_or_init(|| self.encoded(&document.original, cache)),
            Form::Rewritten => {
                let text = document.rewritten.as_ref().unwrap_or(&document.original);
                self.rewritten[i].get_or_init(|| self.encoded(text, cache))
            }
            Form::Shuffled => self.shuffled[i].get_or_init(|| self.encoded(&shuffled(document), cache)),
        }
    }

    /// How the arm has document `i`.
    fn form(&self, arm: &Arm, i: usize) -> Form {
        let document = &self.corpus.documents[i];
        let is_rewritten = document.rewritten.is_some();
        match arm {
            Arm::All if is_rewritten => Form::Rewritten,
            Arm::Stages(stages) if stages.is_rewritten && is_rewritten => Form::Rewritten,
            Arm::Shuffled(percent) if is_shuffled(document, *percent) => Form::Shuffled,
            _ => Form::Original,
        }
    }

    fn encoded(&self, text: &str, cache: &mut Cache) -> Vec<u32> {
        let mut ids = vec![self.tokenizer.end_of_text()];
        // A text that a tokenizer refuses is trained on as an empty document; byte-level ones refuse none.
        if self.tokenizer.encode_into(text, cache, &mut ids).is_err() {
            ids.truncate(1);
        }
        ids
    }

    /// The documents of an arm in the runs of a seed.
    pub fn members(&self, spec: &ArmSpec, seed: u32) -> Vec<usize> {
        members(spec, &self.corpus.documents, seed)
    }

    /// Whether two arms have the same documents and texts.
    pub fn is_same_text(&self, a: &ArmSpec, b: &ArmSpec) -> bool {
        let members = self.members(a, 0);
        let is_same = |&i: &usize| self.form(&a.arm, i) == self.form(&b.arm, i);
        members == self.members(b, 0) && members.iter().all(is_same)
    }

    /// Documents of an arm whose text some stage may have changed, and of which only the text as it came is there.
    pub fn lacking_text(&self, spec: &ArmSpec) -> usize {
        let documents = &self.corpus.documents;
        let Arm::Stages(Stages { is_rewritten: true, .. }) = spec.arm else { return 0 };
        if documents.iter().any(|document| !document.kept && document.rewritten.is_some()) {
            return 0;
        }
        self.members(spec, 0).into_iter().filter(|&i| !documents[i].kept).count()
    }

    /// Whether it is known which documents of the control sample are alike, whatever dropped them.
    pub fn knows_clusters(&self) -> bool {
        self.corpus.knows_clusters
    }

    /// Tokens that an arm has without repeats in the runs of a seed, counted up to `limit`.
    pub fn unique_tokens(&self, spec: &ArmSpec, seed: u32, limit: usize) -> usize {
        let mut cache = Cache::default();
        let mut n_tokens = 0;
        for i in members(spec, &self.corpus.documents, seed) {
            n_tokens += self.ids(&spec.arm, i, &mut cache).len();
            if n_tokens >= limit {
                return limit;
            }
        }
        n_tokens
    }

    /// Exactly `n_tokens` ids of an arm, in pieces of at most `length` in the seed's order, which ranks a piece of
    /// an unchanged document alike in every arm. Single pieces, so that a few long documents do not fill a short
    /// run. Past the arm's end the next epoch begins, in another order.
    ///
    /// # Errors
    /// When the arm has no text.
    pub fn stream(
        &self,
        spec: &ArmSpec,
        seed: u32,
        n_tokens: usize,
        length: usize,
    ) -> Result<Stream, TrainError> {
        let mut order = members(spec, &self.corpus.documents, seed);
        let mut cache = Cache::default();
        let mut stream = Stream { ids: Vec::with_capacity(n_tokens), pieces: Vec::new() };
        for epoch in 0u64.. {
            let key = (u64::from(spec.order) << 48) | (u64::from(seed) << 32) | epoch;
            let rank = |i: usize| {
                let document = &self.corpus.documents[i];
                shuffle_key(key, document.shard as u32, document.row as u64)
            };
            order.sort_by_key(|&i| (rank(i), i));
            let mut pieces = Vec::new();
            let mut pool = 0;
            for &i in &order {
                let ids = self.ids(&spec.arm, i, &mut cache);
                pieces.extend(
                    ids.chunks(length).enumerate().map(|(n, ids)| (rehash(rank(i), n as u64), i, n, ids)),
                );
                pool += ids.len();
                if pool >= POOL.max(4 * n_tokens) {
                    break;
                }
            }
            if pool == 0 {
                break;
            }
            pieces.sort_unstable_by_key(|&(rank, i, n, _)| (rank, i, n));
            for (_, i, _, ids) in pieces {
                let ControlDocument { shard, row, id, .. } = &self.corpus.documents[i];
                let name = DocumentName { shard: *shard, row: *row, id: id.clone() };
                stream.pieces.push((stream.ids.len(), name));
                stream.ids.push(ids[0] | PIECE_START);
                stream.ids.extend_from_slice(&ids[1..]);
                if stream.ids.len() >= n_tokens {
                    stream.ids.truncate(n_tokens);
                    return Ok(stream);
                }
            }
        }
        Err(TrainError::Refused(format!("arm `{}` has no text to train on", spec.name)))
    }
}
