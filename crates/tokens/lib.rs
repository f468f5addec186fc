//! Text to tokens to sequences: byte-level BPE, best-fit packing, and the Arrow form of both.
//! Pure functions; files belong to the callers.
mod blocks;
mod bpe;
mod byte_lengths;
mod default_vocabulary;
mod fast_hash;
mod formats;
mod heldout_shard;
mod merges;
mod pack;
mod pretoken_cache;
mod pretokens;
mod ranks;
mod read_shard;
mod token_shard;
mod train_bpe;
mod vocabulary;

pub use bpe::{Tokenizer, TokenizerError};
pub use byte_lengths::ByteLengths;
pub use formats::{IdWidth, TokenFormat, llm_c_header, megatron_index};
pub use heldout_shard::{HeldoutBatchBuilder, HeldoutDocument, heldout_schema, read_heldout};
pub use pack::{PackDoc, Piece, Sequence, bucket, pack, shuffle_key};
pub use pretoken_cache::Cache;
pub use pretokens::pretokens;
pub use read_shard::{SequenceView, StoredDocument, documents, read_sequences};
pub use token_shard::{
    DocumentRange, FOOTER_END_OF_TEXT, FOOTER_RECIPE_HASH, FOOTER_SEQUENCE_LENGTH, FOOTER_TOKENIZER_HASH,
    PieceTokens, ROWS_PER_GROUP, SequenceBatchBuilder, Version, sequence_schema,
};
pub use train_bpe::{Trainer, train};
