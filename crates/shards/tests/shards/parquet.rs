//! Parquet in.
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::{WriterProperties, WriterVersion};
use shards::{
    Fault, Problem,
    Problem::{Empty, NoText, NotUtf8, TooLarge},
    ReadOptions, ShardReader, discover, estimate,
};

use crate::support::*;

pub fn parquet_of(columns: Vec<(&str, ArrayRef)>, group_rows: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    written(&batch, WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build())
}

pub fn written(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn read_parquet(columns: Vec<(&str, ArrayRef)>, options: &ReadOptions) -> RecordBatch {
    read(&Folder::new(&[("a.parquet", &parquet_of(columns, 1_000))]).shard(), options)
}

/// The file with `odd!` where it stands as texts that are no UTF-8.
fn with_odd_bytes(mut file: Vec<u8>) -> Vec<u8> {
    for at in 0..file.len() - 3 {
        if file[at..].starts_with(b"odd!") {
            file[at + 3] = 0xFF;
        }
    }
    file
}

pub fn strings(values: &[Option<&str>]) -> StringArray {
    StringArray::from(values.to_vec())
}

#[test]
fn columns_become_the_same_columns_as_fields() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(strings(&[Some("Grüße"), Some("b")]))),
        ("id", Arc::new(Int64Array::from(vec![Some(7), None]))),
        ("url", Arc::new(LargeStringArray::from(vec![Some("http://a/"), None]))),
        ("date", Arc::new(Int32Array::from(vec![2024, 2025]))),
        ("source", Arc::new(strings(&[Some("web"), None]))),
        ("language_score", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ("list", Arc::new(list)),
    ];
    let batch = read_parquet(columns, &ReadOptions::default());
    assert_eq!(column(&batch, "text"), ["Grüße", "b"]);
    assert_eq!(column(&batch, "bytes"), ["7", "1"]);
    assert_eq!(column(&batch, "id"), ["7", "a.parquet#1"]);
    assert_eq!(column(&batch, "url"), ["http://a/", "-"]);
    assert_eq!(column(&batch, "date"), ["-", "-"], "only text fits");
    assert_eq!(column(&batch, "source"), ["web", "-"]);
    let first = r#"{"date":2024,"source":"web","language_score":0.5,"list":[1,null]}"#;
    assert_eq!(column(&batch, "metadata"), [first, r#"{"date":2025}"#]);
}

#[test]
fn every_type_of_text_is_read() {
    let texts = [Some("a"), None, Some("c")];
    let dictionary: DictionaryArray<Int32Type> = texts.into_iter().collect();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(strings(&texts)),
        Arc::new(LargeStringArray::from(texts.to_vec())),
        Arc::new(StringViewArray::from(texts.to_vec())),
        Arc::new(BinaryArray::from(texts.map(|text| text.map(str::as_bytes)).to_vec())),
        Arc::new(LargeBinaryArray::from(texts.map(|text| text.map(str::as_bytes)).to_vec())),
        Arc::new(dictionary),
    ];
    for array in arrays {
        let kind = array.data_type().clone();
        let batch = read_parquet(vec![("text", array)], &ReadOptions::default());
        assert_eq!(column(&batch, "text"), ["a", "-", "c"], "{kind}");
        assert_eq!(problems(&batch), [Problem::None, NoText, Problem::None]);
        assert_eq!(column(&batch, "metadata"), ["-", "-", "-"]);
    }
}

#[test]
fn problems_are_those_of_every_input() {
    let text: ArrayRef =
        Arc::new(BinaryArray::from(vec![b"a".as_slice(), b"\xFF", b"", b" \n", b"too long", b"b"]));
    let options = ReadOptions { max_document: 7, ..ReadOptions::default() };
    let batch = read_parquet(vec![("text", text)], &options);
    assert_eq!(problems(&batch), [Problem::None, NotUtf8, Empty, Empty, TooLarge, Problem::None]);
    assert_eq!(column(&batch, "text"), ["a", "-", "", " \n", "-", "b"]);
    assert_eq!(column(&batch, "bytes"), ["1", "1", "0", "2", "8", "1"]);
}

#[test]
fn a_text_that_is_none_is_a_problem_of_its_row() {
    let odd = |at: usize| (0..6).map(move |row| if row == at { "odd!" } else { "fine" });
    let by = Arc::new(StringArray::from_iter_values(odd(3))) as ArrayRef;
    let doc = StructArray::from(vec![(Arc::new(Field::new("by", DataType::Utf8, true)), by)]);
    let mut tags = ListBuilder::new(StringBuilder::new());
    odd(4).for_each(|tag| tags.append_value([Some("tag"), Some(tag), None]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(StringArray::from_iter_values(odd(1)))),
        ("url", Arc::new(odd(2).map(Some).collect::<DictionaryArray<Int32Type>>())),
        ("doc", Arc::new(doc)),
        ("tags", Arc::new(tags.finish())),
    ];
    let bytes = with_odd_bytes(parquet_of(columns, 1_000));
    let folder = Folder::new(&[("a.parquet", &bytes)]);
    for block_bytes in [1, 13, 1 << 20] {
        let batch = read(&folder.shard(), &ReadOptions { block_bytes, ..ReadOptions::default() });
        assert_eq!(
            problems(&batch),
            [Problem::None, NotUtf8, NotUtf8, NotUtf8, NotUtf8, Problem::None],
            "{block_bytes}"
        );
        assert_eq!(column(&batch, "text"), ["fine", "-", "-", "-", "-", "fine"]);
        assert_eq!(column(&batch, "bytes"), ["4"; 6]);
        assert_eq!(column(&batch, "url"), ["fine", "fine", "-", "fine", "fine", "fine"]);
        let (fine, odd) = (r#"{"doc":{"by":"fine"}"#, r#","tags":["tag","fine",null]}"#);
        let whole = format!("{fine}{odd}");
        let without = [format!("{{{}", &odd[1..]), format!("{fine}}}")];
        assert_eq!(column(&batch, "metadata"), [&*whole, &whole, &whole, &without[0], &without[1], &whole]);
        // Of a page that says that it is UTF-8, what is not becomes the replacement character, as in browsers.
        let options = ReadOptions { block_bytes, text_is_html: true, ..ReadOptions::default() };
        assert_eq!(column(&read(&folder.shard(), &options), "text")[1], "odd\u{FFFD}");
    }
}

#[test]
fn a_row_alone_may_have_no_texts() {
    let doc = StructArray::from(vec![(
        Arc::new(Field::new("by", DataType::Utf8, false)),
        Arc::new(strings(&[Some("odd!")])) as ArrayRef,
    )]);
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.append_value([Some("odd!")]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("odd!");
    map.values().append_value("fine");
    map.append(true).unwrap();
    let columns: [ArrayRef; 4] =
        [Arc::new(strings(&[Some("odd!")])), Arc::new(doc), Arc::new(tags.finish()), Arc::new(map.finish())];
    for odd in columns {
        let kind = odd.data_type().clone();
        let bytes =
            with_odd_bytes(parquet_of(vec![("text", Arc::new(strings(&[Some("fine")]))), ("odd", odd)], 10));
        let folder = Folder::new(&[("a.parquet", &bytes)]);
        let batch = read(&folder.shard(), &ReadOptions::default());
        assert_eq!(problems(&batch), [NotUtf8], "{kind}");
        assert_eq!(column(&batch, "metadata"), ["-"], "{kind}");
    }
}

#[test]
fn dotted_paths_reach_into_structs_and_see_their_nulls() {
    let fields: Fields =
        vec![Field::new("text", DataType::Utf8, true), Field::new("by", DataType::Utf8, true)].into();
    let inner: Vec<ArrayRef> = vec![
        Arc::new(strings(&[Some("a"), Some("hidden"), None])),
        Arc::new(strings(&[Some("me"), None, Some("you")])),
    ];
    let doc = StructArray::new(fields, inner, Some(vec![true, false, true].into()));
    let columns: Vec<(&str, ArrayRef)> =
        vec![("doc", Arc::new(doc)), ("n", Arc::new(Int32Array::from(vec![1, 2, 3])))];
    let options = ReadOptions {
        text_column: "doc.text".to_owned(),
        keep: vec!["doc.by:utf8".parse().unwrap(), "n:float64".parse().unwrap()],
        ..ReadOptions::default()
    };
    let batch = read_parquet(columns.clone(), &options);
    assert_eq!(column(&batch, "text"), ["a", "-", "-"]);
    assert_eq!(problems(&batch), [Problem::None, NoText, NoText]);
    assert_eq!(column(&batch, "doc.by"), ["me", "-", "you"]);
    assert_eq!(column(&batch, "n"), ["1.0", "2.0", "3.0"]);
    let options = ReadOptions { text_column: "doc.text".to_owned(), ..ReadOptions::default() };
    let batch = read_parquet(columns, &options);
    assert_eq!(
        column(&batch, "metadata"),
        [r#"{"doc":{"by":"me"},"n":1}"#, r#"{"n":2}"#, r#"{"doc":{"by":"you"},"n":3}"#]
    );
}

#[test]
fn a_file_without_the_text_column_names_those_it_has() {
    let inner: Fields = vec![Field::new("body", DataType::Int32, true)].into();
    let doc = StructArray::new(inner, vec![Arc::new(Int32Array::from(vec![1]))], None);
    let columns: Vec<(&str, ArrayRef)> =
        vec![("content", Arc::new(strings(&[Some("a")]))), ("doc", Arc::new(doc))];
    let folder = Folder::new(&[("a.parquet", &parquet_of(columns, 10))]);
    let shard = folder.shard();
    let error = ShardReader::open(&shard, &ReadOptions::default()).err().unwrap();
    let message = error.to_string();
    assert!(
        message.contains("no column `text`")
            && message.contains("content, doc.body")
            && message.contains("--text-column"),
        "{message}"
    );
    let options = ReadOptions { text_column: "doc.body".to_owned(), ..ReadOptions::default() };
    let error = ShardReader::open(&shard, &options).err().unwrap();
    assert!(matches!(error.fault, Fault::ColumnType { .. }), "{error}");
    let options = ReadOptions { text_column: "content".to_owned(), ..ReadOptions::default() };
    assert_eq!(column(&read(&shard, &options), "text"), ["a"]);
}

#[test]
fn row_groups_become_blocks_and_rows_go_on() {
    let texts: Vec<String> = (0..2_500usize).map(|i| "x".repeat(i % 13 * 10)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![("text", Arc::new(StringArray::from(texts.clone())))];
    let folder = Folder::new(&[("a.parquet", &parquet_of(columns, 700))]);
    let shard = folder.shard();
    for block_bytes in [1, 1_000, 8 << 20] {
        let options = ReadOptions { block_bytes, ..ReadOptions::default() };
        let (blocks, error) = blocks(&shard, &options);
        assert!(error.is_none());
        assert!(blocks.iter().all(|block| block.bytes <= block_bytes as u64 || block.rows == 1));
        assert_eq!(column(&parse(&blocks, &options), "text"), texts);
    }
    let guess = estimate(&discover(&[folder.path()], &[]).unwrap(), &ReadOptions::default());
    assert_eq!(guess.documents, 2_500);
}

/// Pages are looked at before they are decoded: those of every writer pass.
#[test]
fn every_encoding_of_texts_is_read() {
    let texts =
        (0..3_000_u64).map(|i| (i % 5 > 0).then(|| format!("{:x}", i * i).repeat(1 + i as usize % 300)));
    let mut tags = ListBuilder::new(StringBuilder::new());
    for i in 0..3_000 {
        (0..i % 4)
            .for_each(|tag| tags.values().append_option((tag > 0).then(|| format!("tag {tag} of {i}"))));
        tags.append(i % 7 > 0);
    }
    let text: ArrayRef = Arc::new(StringArray::from_iter(texts));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("text", text, true),
        ("tags", Arc::new(tags.finish()) as ArrayRef, true),
    ])
    .unwrap();
    let read_as = |version, encoding: Option<Encoding>| {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_dictionary_enabled(encoding.is_none())
            .set_data_page_row_count_limit(500)
            .set_max_row_group_row_count(Some(1_200));
        let properties = encoding.into_iter().fold(properties, |set, encoding| set.set_encoding(encoding));
        read(
            &Folder::new(&[("a.parquet", &written(&batch, properties.build()))]).shard(),
            &ReadOptions::default(),
        )
    };
    let plain = read_as(WriterVersion::PARQUET_1_0, Some(Encoding::PLAIN));
    assert_eq!(plain.num_rows(), 3_000);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for encoding in [None, Some(Encoding::DELTA_LENGTH_BYTE_ARRAY), Some(Encoding::DELTA_BYTE_ARRAY)] {
            assert_eq!(read_as(version, encoding), plain, "{version:?} {encoding:?}");
        }
    }
}

/// As a file it has 1 MB; row by row, 2 GB.
#[test]
fn a_text_that_stands_in_every_row_takes_the_memory_of_one() {
    let long = "word ".repeat(100_000);
    let keys = Int32Array::from(vec![0; 2_000]);
    let dictionary = |value: &str| -> ArrayRef {
        Arc::new(DictionaryArray::new(keys.clone(), Arc::new(strings(&[Some(value)]))))
    };
    for columns in
        [vec![("text", dictionary(&long))], vec![("text", dictionary("a")), ("other", dictionary(&long))]]
    {
        let folder = Folder::new(&[("a.parquet", &parquet_of(columns, 10_000))]);
        let options = ReadOptions::default();
        let mut reader = ShardReader::open(&folder.shard(), &options).unwrap();
        let mut rows = 0;
        while let Some(block) = reader.next_block().unwrap() {
            assert!(block.rows <= 17, "{} rows", block.rows);
            rows += block.rows;
            if block.index == 1 {
                let batch = block.parse(&options).unwrap().records;
                assert!(batch.get_array_memory_size() < 40 << 20, "{}", batch.get_array_memory_size());
            }
        }
        assert_eq!(rows, 2_000);
    }
}
