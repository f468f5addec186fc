//! Resolving duplicates of any number of documents in a stated memory, on signatures whose truth is known:
//! `cargo bench --workspace --bench resolve -- [documents] [memory in MiB] [folder]`.
//!
//! Of 20 documents twelve are unlike all others, two have the same text, two are near-duplicates, and four more are
//! near-duplicates of each other. Relatives are spread over the whole input. One document in a thousand shares a band
//! with others that it is not like, as pages of one template do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use dedup::minhash::band_probability;
use dedup::{BANDS, Failure, Options, Sketch, Step, VALUES, Verdicts, longest_first};
use engine::signatures::{SignatureFile, SignatureRecord, SignatureWriter};
use engine::{SignatureColumns, peak_memory};
use plan::{Flags, Near};
use text::stable_hash::rehash;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records of a file, as of a segment.
const PER_FILE: u64 = 1_000_000;
/// Jaccard similarity of the pairs, one family after the other.
const SIMILARITIES: [f64; 4] = [0.8, 0.85, 0.9, 0.95];
/// Of each member of a family of four to each other.
const FAMILY_SIMILARITY: f64 = 0.9;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let number = |argument: Option<String>, default| argument.map_or(default, |text| text.parse().unwrap());
    let documents = number(arguments.next(), 200_000) / 20 * 20;
    let memory = number(arguments.next(), 512) << 20;
    let folder = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(folder).unwrap();
    let truth = Truth::new(documents);

    let mut clock = Clock(Instant::now());
    let files = write(&truth, folder.path());
    clock.lap("made the signatures", documents);
    let columns = SignatureColumns::open(files, Vec::new(), true, true).unwrap();
    clock.lap("read which are candidates", documents);
    let laps = std::sync::Mutex::new((Clock(Instant::now()), None));
    let options = Options {
        memory,
        progress: &|step| {
            let mut laps = laps.lock().unwrap();
            let before = laps.1.replace(step);
            match (before, step) {
                (Some(Step::Exact), _) => laps.0.lap("same text", documents),
                (Some(Step::Band(_)), Step::Components { .. }) => laps.0.lap("14 bands", documents),
                _ => {}
            }
            true
        },
        ..Options::default()
    };
    let start = Instant::now();
    let verdicts = match dedup::resolve(&columns, &options) {
        Ok(verdicts) => verdicts,
        Err(Failure::Memory(least)) => {
            return eprintln!("at least {} MiB are needed", least.div_ceil(1 << 20));
        }
        Err(Failure::Stopped) => return,
        Err(Failure::Read(error)) => panic!("{error}"),
    };
    laps.into_inner().unwrap().0.lap("components", documents);
    let seconds = start.elapsed().as_secs_f64();
    let peak = peak_memory().unwrap_or(0);
    println!(
        "{documents} documents, --memory {} MiB: {seconds:.1} s, {:.0} documents/s, peak {} MiB ({:.1} bytes per document)",
        memory >> 20,
        documents as f64 / seconds,
        peak >> 20,
        peak as f64 / documents as f64
    );
    truth.check(&verdicts);
}

struct Clock(Instant);

impl Clock {
    fn lap(&mut self, what: &str, documents: u64) {
        let seconds = self.0.elapsed().as_secs_f64();
        println!("{what}: {seconds:.1} s, {:.0} ns per document", 1e9 * seconds / documents as f64);
        self.0 = Instant::now();
    }
}

fn write(truth: &Truth, folder: &Path) -> Vec<SignatureFile> {
    let mut files = Vec::new();
    for start in (0..truth.documents).step_by(PER_FILE as usize) {
        let path = folder.join(format!("{:05}", files.len()));
        let mut writer = SignatureWriter::create(&path).unwrap();
        let end = truth.documents.min(start + PER_FILE);
        (start..end).for_each(|document| writer.push(truth.record(document, start)).unwrap());
        writer.commit().unwrap();
        files.push(SignatureFile::open(path, end - start).unwrap());
    }
    files
}

/// What is known of each document.
struct Truth {
    documents: u64,
    step: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Alone,
    Same,
    Pair,
    Four,
}

impl Truth {
    fn new(documents: u64) -> Truth {
        // A step that meets every place once.
        let common = |mut a: u64, mut b: u64| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        let step = (documents * 5 / 8..).find(|step| common(*step, documents) == 1).unwrap();
        Truth { documents, step }
    }

    /// Family and kind; families are spread over the input.
    fn family(&self, document: u64) -> (u64, Kind) {
        let place = (u128::from(document) * u128::from(self.step) % u128::from(self.documents)) as u64;
        let (twenty, at) = (place / 20, place % 20);
        match at {
            0..12 => (place * 4, Kind::Alone),
            12..14 => (twenty * 4 + 1, Kind::Same),
            14..16 => (twenty * 4 + 2, Kind::Pair),
            _ => (twenty * 4 + 3, Kind::Four),
        }
    }

    fn similarity(&self, family: u64, kind: Kind) -> f64 {
        match kind {
            Kind::Alone | Kind::Same => 1.0,
            Kind::Pair => SIMILARITIES[(family / 4) as usize % SIMILARITIES.len()],
            Kind::Four => FAMILY_SIMILARITY,
        }
    }

    fn record(&self, document: u64, first: u64) -> SignatureRecord {
        let (family, kind) = self.family(document);
        // Two members agree in a value if both have the family's: with the square of this probability.
        let agrees = (self.similarity(family, kind).sqrt() * u32::MAX as f64) as u64;
        let mut sketch = Sketch([0; VALUES]);
        let mut bands = [0_u64; BANDS];
        for value in 0..VALUES {
            let own = rehash(document, value as u64);
            let is_family = agrees == u64::from(u32::MAX) || own >> 32 < agrees;
            let value_hash = if is_family { rehash(family, !(value as u64)) } else { own };
            sketch.0[value] = value_hash as u8;
            let band = &mut bands[value / (VALUES / BANDS)];
            *band = rehash(*band ^ value_hash, value as u64);
        }
        if kind == Kind::Alone && rehash(document, 1 << 40).is_multiple_of(600) {
            bands[3] = 7;
        }
        let exact = match kind {
            Kind::Same => family,
            _ => u64::MAX - document,
        };
        SignatureRecord {
            row: (document - first) as u32,
            flags: Flags(Flags::SURVIVES | Flags::EXACT | Flags::NEAR),
            is_original: false,
            rank: longest_first(rehash(document, 1 << 41) >> 50),
            exact: u128::from(rehash(exact, 1)) << 64 | u128::from(rehash(exact, 2)),
            near: Some(Near { bands, sketch }),
        }
    }

    /// Prints what was found beside what the bands promise. Nothing may be dropped for a document unlike it.
    fn check(&self, verdicts: &Verdicts) {
        let (mut wrong, mut same) = (0, 0_u64);
        let mut pairs = [0_u64; SIMILARITIES.len()];
        let mut fours = 0_u64;
        for (dropped, twin) in verdicts.duplicates() {
            let (family, kind) = self.family(dropped.into());
            let (of, _) = self.family(twin.of.into());
            wrong += u64::from(family != of);
            match kind {
                Kind::Alone => {}
                Kind::Same => same += 1,
                Kind::Pair => pairs[(family / 4) as usize % SIMILARITIES.len()] += 1,
                Kind::Four => fours += 1,
            }
        }
        let families = self.documents / 20;
        println!("same text: {same} of {families} dropped; dropped for an unlike document: {wrong}");
        let of_each = families as f64 / SIMILARITIES.len() as f64;
        for (similarity, found) in SIMILARITIES.iter().zip(pairs) {
            let (recall, theory) = (found as f64 / of_each, band_probability(*similarity));
            println!("pairs of similarity {similarity}: recall {recall:.4}, by the bands {theory:.4}");
        }
        println!(
            "families of four: {:.4} of the three further members dropped",
            fours as f64 / (3 * families) as f64
        );
        assert!(same == families && wrong == 0);
    }
}
