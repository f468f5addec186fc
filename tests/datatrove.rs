//! The reference's decisions through the binary: single filters and FineWeb's chain by recipe, and with
//! `keep = "datatrove"` its clusters and removed documents.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use crate::support::{clean, real_data, table, texts};

#[test]
fn clusters_of_the_reference() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("parity.toml");
    let lines = "pipeline = [\"minhash\"]\n[words]\nsplitter = \"spacy\"\n\
                 [minhash]\nkeep = \"datatrove\"\nverify = \"none\"\n";
    fs::write(&recipe, lines).unwrap();
    let recipe = recipe.to_str().unwrap();
    let out = folder.path().join("out");
    let pages = data.join("raw/web_pages.jsonl.zst");
    let flags = ["--recipe", recipe, "--no-signatures", "--rejected", "none", "--threads", "2", "--quiet"];
    clean(&[&pages], &out, &flags, 0);

    let golden = fs::read(data.join("../golden/datatrove.minhash_clusters.jsonl.zst")).unwrap();
    let golden = String::from_utf8(zstd::decode_all(golden.as_slice()).unwrap()).unwrap();
    let members: Vec<serde_json::Value> =
        golden.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |member: &serde_json::Value| member["id"].as_str().unwrap().to_owned();
    let kept: HashMap<u64, String> = members
        .iter()
        .filter(|member| member["removed"] == false)
        .map(|member| (member["cluster"].as_u64().unwrap(), text(member)))
        .collect();
    let expected: BTreeMap<String, String> = members
        .iter()
        .filter(|member| member["removed"] == true)
        .map(|member| (text(member), kept[&member["cluster"].as_u64().unwrap()].clone()))
        .collect();

    let ledger = table(&out, "ledger");
    let rows = texts(&ledger, "id").into_iter().zip(texts(&ledger, "duplicate_of"));
    let found: BTreeMap<String, String> = rows.filter_map(|(id, of)| Some((id?, of?))).collect();
    assert!(expected.len() > 400);
    assert!(found == expected, "{} removed, {} expected", found.len(), expected.len());
}

/// A recipe of these filters gives each page the reference's verdict and reason under `key`.
fn decides_as_the_reference(pipeline: &[&str], key: &str) {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("parity.toml");
    fs::write(&recipe, format!("pipeline = {pipeline:?}\n[words]\nsplitter = \"spacy\"\n")).unwrap();
    let (out, pages) = (folder.path().join("out"), data.join("raw/web_pages.jsonl.zst"));
    let flags = ["--no-signatures", "--rejected", "none", "--quiet", "--recipe", recipe.to_str().unwrap()];
    clean(&[&pages], &out, &flags, 0);
    let golden = fs::read(data.join("../golden/datatrove.filters.jsonl.zst")).unwrap();
    let golden = String::from_utf8(zstd::decode_all(golden.as_slice()).unwrap()).unwrap();
    let ledger = table(&out, "ledger");
    let reasons = texts(&ledger, "reason");
    assert_eq!(reasons.len(), golden.lines().count());
    for (line, reason) in golden.lines().zip(&reasons) {
        let golden: serde_json::Value = serde_json::from_str(line).unwrap();
        let theirs = golden[key].as_str().unwrap();
        let theirs = theirs.split_once(':').map_or(theirs, |(_, reason)| reason);
        let is_same = match reason.as_deref().and_then(|reason| reason.split_once('.')) {
            None => theirs == "keep",
            Some((stage, reason)) => {
                let checks = filters::find(stage).unwrap().checks;
                let check = checks.iter().find(|check| check.reason == reason).unwrap();
                check.aliases.contains(&("datatrove", theirs))
            }
        };
        assert!(is_same, "{reason:?}, not {theirs}: {}", golden["id"]);
    }
}

#[test]
fn a_filter_alone_decides_as_the_reference() {
    decides_as_the_reference(&["gopher_quality"], "gopher_quality");
}

#[test]
fn the_chain_of_fineweb_decides_as_the_reference() {
    let chain = ["gopher_repetition", "gopher_quality", "c4_quality", "fineweb_quality"];
    decides_as_the_reference(&chain, "fineweb_chain");
}
