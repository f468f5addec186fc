//! What a line of JSON, or a text file, becomes.
use shards::Problem::{self, Empty, Malformed, NoText, NotUtf8, TooLarge};
use shards::{INPUT_COLUMNS, ReadOptions, input_schema};

use crate::support::*;

fn rows_of(lines: &[u8], options: &ReadOptions) -> arrow::array::RecordBatch {
    read(&Folder::new(&[("a.jsonl", lines)]).shard(), options)
}

fn one(line: &str, options: &ReadOptions) -> arrow::array::RecordBatch {
    let batch = rows_of(line.as_bytes(), options);
    assert_eq!(batch.num_rows(), 1);
    batch
}

#[test]
fn fields_become_columns_and_the_rest_metadata() {
    let line = r#"{"id":"x","lang":"en","text":"Hi\n\"you\" \u00e9😀\/","url":"http://a/","date":"2024","dump":"CC","file_path":"s3","source":"web","score": 0.50,"more":{"b" : [1, "c d"]},"language":"de"}"#;
    let batch = one(line, &ReadOptions::default());
    let cells: Vec<String> =
        batch.schema().fields().iter().map(|f| column(&batch, f.name())[0].clone()).collect();
    let metadata = r#"{"lang":"en","source":"web","score":0.50,"more":{"b":[1,"c d"]},"language":"de"}"#;
    let expected =
        ["0", "16", "Hi\n\"you\" é😀/", "x", "http://a/", "2024", "CC", "s3", "web", metadata, "0"];
    assert_eq!(cells, expected);
    assert_eq!(batch.num_columns(), INPUT_COLUMNS);
    assert_eq!(batch.schema(), input_schema(&ReadOptions::default()));
}

#[test]
fn an_id_is_a_string_or_a_number_else_the_place() {
    let lines = br#"{"text":"a","id":17}
{"text":"a","id":1.50}
{"text":"a","id":null}
{"text":"a"}
{"text":"a","id":""}
{"text":"a","id":[1]}
"#;
    let batch = rows_of(lines, &ReadOptions::default());
    assert_eq!(column(&batch, "id"), ["17", "1.50", "a.jsonl#2", "a.jsonl#3", "a.jsonl#4", "a.jsonl#5"]);
    assert_eq!(column(&batch, "metadata"), ["-", "-", "-", "-", "-", r#"{"id":[1]}"#]);
}

#[test]
fn every_problem_has_its_name() {
    let cases: [(&[u8], Problem, &str); 17] = [
        (br#"{"text":"a"}"#, Problem::None, "1"),
        (br#"{"text":"a""#, Malformed, "11"),
        (br#"{"text":"a"} x"#, Malformed, "14"),
        (br#"["text"]"#, Malformed, "8"),
        (b"{\"text\":\"tab\there\"}", Malformed, "19"),
        (br#"{"text":"a\q"}"#, Malformed, "14"),
        (br#"{"text":"a\u12"}"#, Malformed, "16"),
        (b"{\"text\":\"a\xFF\"}", NotUtf8, "13"),
        (b"{\"text\":\"a\",\"x\":\"\xC3\"}", NotUtf8, "20"),
        (br#"{"text":"a\ud800"}"#, NotUtf8, "18"),
        (br#"{"text":"\udc00\ud800"}"#, NotUtf8, "23"),
        (br#"{"txt":"a"}"#, NoText, "11"),
        (br#"{"text":null}"#, NoText, "13"),
        (br#"{"text":5}"#, NoText, "10"),
        (br#"{"text":["a"]}"#, NoText, "14"),
        (br#"{"text":""}"#, Empty, "0"),
        (b"{\"text\":\" \\n\\u00a0\"}", Empty, "4"),
    ];
    let first = br#"{"text":"first"}"#.as_slice();
    let lines: Vec<&[u8]> = std::iter::once(first).chain(cases.iter().map(|case| case.0)).collect();
    let batch = rows_of(&lines.join(&b'\n'), &ReadOptions::default());
    assert_eq!(problems(&batch)[1..], cases.map(|case| case.1));
    assert_eq!(column(&batch, "bytes")[1..], cases.map(|case| case.2));
}

#[test]
fn a_lone_surrogate_elsewhere_stays_in_metadata_as_written() {
    let batch = one(r#"{"text":"a","url":"\ud800","id":"\udfff"}"#, &ReadOptions::default());
    assert_eq!(problems(&batch), [Problem::None]);
    assert_eq!(column(&batch, "url"), ["-"]);
    assert_eq!(column(&batch, "id"), ["a.jsonl#0"]);
    assert_eq!(column(&batch, "metadata"), [r#"{"url":"\ud800","id":"\udfff"}"#]);
}

#[test]
fn the_last_of_repeated_keys_counts() {
    let batch = one(r#"{"text":"a","x":1,"text":"b","x":2}"#, &ReadOptions::default());
    assert_eq!(column(&batch, "text"), ["b"]);
    assert_eq!(column(&batch, "metadata"), [r#"{"x":2}"#]);
}

#[test]
fn nesting_that_would_overflow_a_stack_is_malformed() {
    let deep = format!(r#"{{"text":"a","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    let batch = one(&deep, &ReadOptions::default());
    assert_eq!(problems(&batch), [Malformed]);
}

#[test]
fn dotted_paths_reach_into_objects() {
    let options = ReadOptions {
        text_column: "doc.body.text".to_owned(),
        id_column: "doc.id".to_owned(),
        ..ReadOptions::default()
    };
    let batch = one(r#"{"id":"top","doc":{"id":7,"body":{"text":"a","by":"me"}},"n":1}"#, &options);
    assert_eq!(column(&batch, "text"), ["a"]);
    assert_eq!(column(&batch, "id"), ["7"]);
    assert_eq!(column(&batch, "metadata"), [r#"{"id":"top","doc":{"body":{"by":"me"}},"n":1}"#]);
    let batch = one(r#"{"doc.body.text":"literal","doc":{"body":{"text":"a"}}}"#, &options);
    assert_eq!(column(&batch, "text"), ["literal"]);
}

#[test]
fn kept_columns_are_lifted_when_their_type_fits() {
    let keep = ["source:utf8", "m.score:float64", "n:int64", "flag:bool"].map(|text| text.parse().unwrap());
    let options = ReadOptions { keep: keep.to_vec(), ..ReadOptions::default() };
    let lines = br#"{"text":"a","source":"web","m":{"score":1,"x":2},"n":-3,"flag":true}
{"text":"a","source":5,"m":{"score":"1"},"n":1.5,"flag":null}
{"text":"a"}
{"text":"\ud800"}
x
"#;
    let batch = rows_of(lines, &options);
    let kept =
        |index: usize| column(&batch.project(&[INPUT_COLUMNS + index]).unwrap(), &options.keep[index].path);
    assert_eq!(kept(0), ["web", "-", "-", "-", "-"]);
    assert_eq!(kept(1), ["1.0", "-", "-", "-", "-"]);
    assert_eq!(kept(2), ["-3", "-", "-", "-", "-"]);
    assert_eq!(kept(3), ["true", "-", "-", "-", "-"]);
    let left = r#"{"source":5,"m":{"score":"1"},"n":1.5,"flag":null}"#;
    assert_eq!(column(&batch, "metadata"), [r#"{"m":{"x":2}}"#, left, "-", r#"{"text":"\ud800"}"#, "-"]);
}

#[test]
fn a_text_file_is_one_document() {
    let text =
        read(&Folder::new(&[("sub/a.md", b"\xEF\xBB\xBF# Title\n\nx\n")]).shard(), &ReadOptions::default());
    assert_eq!(column(&text, "text"), ["# Title\n\nx\n"]);
    assert_eq!(column(&text, "id"), ["sub/a.md#0"]);
    let bytes = "Grüße\n".repeat(10_000);
    for (name, file) in [
        ("a.txt", bytes.as_bytes().to_vec()),
        ("a.txt.gz", gzip(bytes.as_bytes())),
        ("a.txt.zst", zstd(bytes.as_bytes())),
    ] {
        let shard = Folder::new(&[(name, &file)]);
        let shard = (shard.shard(), shard);
        for no_mmap in [false, true] {
            let options = ReadOptions { no_mmap, ..ReadOptions::default() };
            assert_eq!(column(&read(&shard.0, &options), "text"), [bytes.as_str()], "{name}");
            let options = ReadOptions { max_document: 1_000, block_bytes: 64, ..options };
            let batch = read(&shard.0, &options);
            assert_eq!(problems(&batch), [TooLarge], "{name}");
            assert_eq!(column(&batch, "bytes"), [bytes.len().to_string()]);
        }
    }
    let latin = read(&Folder::new(&[("a.txt", b"Gr\xFC\xDFe")]).shard(), &ReadOptions::default());
    assert_eq!(problems(&latin), [NotUtf8]);
}
