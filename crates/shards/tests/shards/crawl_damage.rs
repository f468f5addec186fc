//! Crawls that are flawed or torn: what is lost, what is not, and where reading goes on.
use proptest::prelude::*;
use shards::{Format, ReadOptions, RestartPoint, ShardReader, discover};

use crate::crawl::*;
use crate::support::*;

#[test]
fn heads_and_lengths_that_are_wrong_cost_one_record() {
    let [first, last] = [page(1, &words(1)), page(3, &words(3))];
    let length = |content: usize, said: &str| {
        let whole = String::from_utf8(page(2, &words(2))).unwrap();
        let correct = format!("Content-Length: {}", whole.len() - whole.find("\r\n\r\n").unwrap() - 8);
        assert!(whole.contains(&correct), "{correct} {content}");
        whole.replace(&correct, said).into_bytes()
    };
    let cases: [(&str, Vec<u8>, &[&str], u64); 8] = [
        ("none", page(2, &words(2)), &["text", "text", "text"], 0),
        (
            "line feeds only",
            String::from_utf8(page(2, "<p>x</p>")).unwrap().replacen("\r\n", "\n", 5).into_bytes(),
            &["text", "text", "text"],
            0,
        ),
        (
            "a folded field",
            String::from_utf8(page(2, &words(2)))
                .unwrap()
                .replacen("http://example.com/2", "http://example.com/\r\n 2", 1)
                .into_bytes(),
            &["text", "text", "text"],
            0,
        ),
        ("no length", length(0, "X: y"), &["text", "malformed", "text"], 0),
        ("no number", length(0, "Content-Length: many"), &["text", "malformed", "text"], 0),
        ("too short", length(0, "Content-Length: 9"), &["text", "malformed", "text"], 0),
        ("too long", length(0, "Content-Length: 400"), &["text", "malformed", "text"], 0),
        ("no record", b"Here someone wrote\r\nby hand.\r\n".to_vec(), &["text", "malformed", "text"], 0),
    ];
    for (what, middle, expected, lost) in cases {
        let bytes = [first.clone(), middle, last.clone()].concat();
        for (name, packed) in [("a.warc", bytes.clone()), ("a.warc.gz", gzip(&bytes))] {
            let (_folder, shard) = file(name, &packed);
            for block_bytes in [1, 300, 1 << 20] {
                let options = small_blocks(block_bytes);
                let (_, damage, _) = summary(&shard, &options);
                assert_eq!(damage.lost_bytes, lost, "{what} {name} {block_bytes}");
                let batch = read(&shard, &options);
                let found: Vec<&str> = problems(&batch).into_iter().map(named).collect();
                // What is no record makes the one before it doubtful.
                let expected = if what == "no record" { &["malformed", "text"][..] } else { expected };
                assert_eq!(found, expected, "{what} {name} {block_bytes}");
            }
        }
    }
}

#[test]
fn garbage_before_the_first_record_is_lost_and_said() {
    let bytes = [b"WARC/ something is wrong here\n\n".to_vec(), records(3).concat()].concat();
    let (_folder, shard) = file("a.warc", &bytes);
    for block_bytes in [1, 100, 1 << 20] {
        let (_, damage, rows) = summary(&shard, &small_blocks(block_bytes));
        assert_eq!((damage.lost_bytes, rows["text"]), (31, 3), "{block_bytes}");
        assert!(damage.quarantined().unwrap().why.contains("31 bytes are no records"));
    }
}

#[test]
fn a_torn_file_gives_what_came_before() {
    let records = records(6);
    let plain = records.concat();
    let cut = plain.len() - 60;
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    for (name, bytes, places) in [
        ("a.warc", plain[..cut].to_vec(), 0),
        ("a.warc.gz", members[..members.len() - 30].to_vec(), 1),
        ("b.warc.gz", gzip(&plain[..cut]), 0),
    ] {
        let (_folder, shard) = file(name, &bytes);
        for block_bytes in [1, 300, 1 << 20] {
            let (counts, damage, rows) = summary(&shard, &small_blocks(block_bytes));
            assert_eq!(
                (rows["text"], rows["truncated"], damage.places),
                (5, 1, places),
                "{name} {block_bytes}"
            );
            assert_eq!(counts["response"], 6);
        }
    }
}

#[test]
fn behind_a_damaged_member_reading_goes_on() {
    let records = records(9);
    let members: Vec<Vec<u8>> = records.iter().map(|record| gzip(record)).collect();
    // Response 4 is member 10.
    let start: usize = members[..10].iter().map(Vec::len).sum();
    let whole = members.concat();
    let length = members[10].len();
    let overwritten = |range: std::ops::Range<usize>, value: u8| {
        let mut bytes = whole.clone();
        bytes[range].fill(value);
        bytes
    };
    let missing = [&whole[..start + length / 2], &whole[start + length..]].concat();
    let cases = [
        ("content", overwritten(start + 60..start + 80, 0xFF), 1..=length as u64 - 40),
        ("header", overwritten(start..start + 2, 0xEE), length as u64..=length as u64),
        ("checksum", overwritten(start + length - 8..start + length - 4, 1), 8..=8),
        ("missing bytes", missing, 0..=length as u64),
    ];
    for (what, bytes, lost) in cases {
        let (_folder, shard) = file("a.warc.gz", &bytes);
        for block_bytes in [1, 1 << 20] {
            let (_, damage, rows) = summary(&shard, &small_blocks(block_bytes));
            assert_eq!(rows["text"], 8, "{what} {block_bytes} {rows:?}");
            assert_eq!(damage.places, 1, "{what}");
            assert!(lost.contains(&damage.lost_bytes), "{what}: {} of {length} lost", damage.lost_bytes);
            let entry = damage.quarantined().unwrap();
            assert!(entry.why.contains(&format!("gzip member at byte {start}")), "{what}: {}", entry.why);
        }
    }
}

#[test]
fn reading_goes_on_at_the_member_where_a_block_begins() {
    let records = records(40);
    let members: Vec<Vec<u8>> = records.iter().map(|record| gzip(record)).collect();
    let mut starts = vec![0];
    members.iter().for_each(|member| starts.push(starts.last().unwrap() + member.len() as u64));
    let whole = members.concat();
    let mut damaged = whole.clone();
    damaged[starts[40] as usize + 40..][..20].fill(0xFF);
    let options = small_blocks(2_000);
    for bytes in [&whole, &damaged] {
        let (_folder, shard) = file("a.warc.gz", bytes);
        let (blocks, places, _) = blocks_from(&shard, &options, &RestartPoint::default()).unwrap();
        assert!(blocks.len() > 10, "{}", blocks.len());
        let known: Vec<&RestartPoint> = places.iter().flatten().collect();
        assert!(known.len() + 2 >= places.len(), "{} of {}", known.len(), places.len());
        // Behind the last member, none is begun.
        for place in &known[..known.len() - 1] {
            assert!(starts.contains(&place.stored) && place.skip == 0, "{place:?}");
            assert_eq!(place.dump.as_deref(), Some("CC-MAIN-2024-22"));
            let reader = ShardReader::open_at(&shard, &options, place).unwrap();
            assert_eq!(reader.consumed(), place.stored, "nothing before it is read");
        }
        assert!(known.is_sorted_by_key(|place| place.stored));
        self::blocks(&shard, &options);
    }
    // One member for all: its start is the only one.
    let (_folder, shard) = file("a.warc.gz", &gzip(&records.concat()));
    let (_, places, _) = blocks_from(&shard, &options, &RestartPoint::default()).unwrap();
    assert!(places.iter().flatten().all(|place| place.stored == 0 && place.skip == place.offset));
    blocks(&shard, &options);
}

/// Each would take minutes if every place where something could begin were read far.
#[test]
fn hostile_files_take_linear_time() {
    let start = std::time::Instant::now();
    for (name, bytes) in [
        ("a.warc", b"WARC/1.0\n".repeat(1 << 20)),
        ("a.warc", [b"WARC/1.0\nContent-Length: 9\n\n".repeat(1 << 17), b"x\n".repeat(1 << 20)].concat()),
        ("a.warc.gz", [gzip(b"WARC/1.0\n"), b"\x1F\x8B\x08\0\0\0\0\0\0\0".repeat(1 << 16)].concat()),
        ("a.arc", b"filedesc://a 1.2.3.4 20140216050221 text/plain 9\n".repeat(1 << 16)),
    ] {
        let (_folder, shard) = file(name, &bytes);
        summary(&shard, &ReadOptions::default());
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_bytes_make_it_fail_and_blocks_cover_them(
        n_pages in 0usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        packs in any::<bool>(),
        block_bytes in 1usize..2_000,
    ) {
        let mut bytes = records(n_pages).concat();
        bytes.extend(noise);
        for (index, byte) in changes {
            let at = 5 + index.index(bytes.len() - 5);
            bytes[at] = byte;
        }
        bytes.truncate(5.max(cut.index(bytes.len() + 1)));
        let packed = if packs { gzip(&bytes) } else { bytes.clone() };
        let folder = Folder::new(&[("a.warc", &packed)]);
        let mut shard = discover(&[folder.path()], &[]).unwrap().shards.remove(0);
        shard.format = Format::Warc;
        let options = small_blocks(block_bytes);
        let (blocks, error) = blocks(&shard, &options);
        prop_assert!(error.is_none());
        prop_assert_eq!(blocks.iter().map(|block| block.bytes).sum::<u64>(), bytes.len() as u64);
        if !blocks.is_empty() {
            let one = parse(&blocks, &options);
            // However it is cut into blocks, the same rows come out.
            prop_assert_eq!(one, read(&shard, &ReadOptions::default()));
            prop_assert_eq!(summary(&shard, &options), summary(&shard, &ReadOptions::default()));
        }
    }

    #[test]
    fn damaged_packing_never_fails_and_blocks_do_not_matter(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        records_in_a_member in 1usize..10,
        block_bytes in 1usize..5_000,
    ) {
        let members = records(12);
        let members = members.chunks(records_in_a_member).map(|records| gzip(&records.concat()));
        let mut packed: Vec<u8> = members.flatten().collect();
        for (index, byte) in changes {
            let at = 10 + index.index(packed.len() - 10);
            packed[at] = byte;
        }
        let (_folder, shard) = file("a.warc.gz", &packed);
        let found = summary(&shard, &small_blocks(block_bytes));
        let unpacked: u64 = blocks(&shard, &ReadOptions::default()).0.iter().map(|block| block.bytes).sum();
        prop_assert!(found.1.lost_bytes <= packed.len() as u64 + unpacked);
        prop_assert_eq!(found, summary(&shard, &ReadOptions::default()));
    }
}
