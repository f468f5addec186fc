//! `keep = "datatrove"` through the binary: the clusters and the removed documents of the reference.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use crate::support::{clean, real_data, run, table, texts};

#[test]
fn clusters_of_the_reference() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("parity.toml");
    let lines = "pipeline = [\"minhash\"]\n[words]\nsplitter = \"spacy\"\n\
                 [minhash]\nkeep = \"datatrove\"\nverify = \"none\"\n";
    fs::write(&recipe, lines).unwrap();
    let recipe = recipe.to_str().unwrap();
    if run(&["plan", recipe]).status.code() != Some(0) {
        eprintln!("skipped: there is no splitter `spacy`");
        return;
    }
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
