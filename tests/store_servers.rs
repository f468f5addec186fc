//! Servers of this machine for tests of object stores: S3, the web and a hub in Python, and a proxy that does harm.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::support::corpus;

/// Ends with this.
pub struct Servers {
    child: Child,
    pub s3: String,
    pub http: String,
    pub https: String,
    pub certificate: String,
}

impl Servers {
    /// A Python with moto is named by CORPUS_TEST_PYTHON; `None`, said aloud, where there is none. The web and the hub
    /// give what lies in `folder`.
    pub fn start(folder: &Path) -> Option<Servers> {
        let Ok(python) = std::env::var("CORPUS_TEST_PYTHON") else {
            assert!(std::env::var("CORPUS_REQUIRE_DATA").is_err(), "CORPUS_TEST_PYTHON is not set");
            eprintln!("skipped: CORPUS_TEST_PYTHON names no Python with moto");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let found: serde_json::Value = serde_json::from_str(&line).expect("stores.py tells its addresses");
        let address = |name: &str| found[name].as_str().unwrap().to_owned();
        let (s3, http, https) = (address("s3"), address("http"), address("https"));
        Some(Servers { child, s3, http, https, certificate: address("certificate") })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `corpus` with a server of S3's and Google's XML interface, and nothing of the caller's that would change what it does.
pub fn corpus_at(s3: &str, scratch: &Path) -> Command {
    let mut command = corpus();
    let theirs = ["AWS_", "GOOGLE_", "HF_"];
    for (name, _) in std::env::vars().filter(|(name, _)| theirs.iter().any(|start| name.starts_with(start))) {
        command.env_remove(name);
    }
    let account = serde_json::json!({
        "gcs_base_url": s3, "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": "",
    });
    command
        .env("GOOGLE_SERVICE_ACCOUNT_KEY", account.to_string())
        .env("AWS_ENDPOINT_URL", s3)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("TMPDIR", scratch);
    command
}

/// The server looks who asks, not whether they are.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";

/// One request; status and body of the answer.
pub fn request(server: &str, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(server.strip_prefix("http://").unwrap()).unwrap();
    let path = path.replace(' ', "%20");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Authorization: {SIGNED}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer.split_off(end))
}

pub fn put(server: &str, path: &str, body: &[u8]) {
    let (status, answer) = request(server, "PUT", path, body);
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
}

/// An object; none if there is none.
pub fn get(server: &str, path: &str) -> Option<Vec<u8>> {
    let (status, body) = request(server, "GET", path, b"");
    assert!(status == 200 || status == 404, "{path}: {status}");
    (status == 200).then_some(body)
}

/// Keys of a bucket.
pub fn keys(server: &str, bucket: &str) -> Vec<String> {
    let listed = get(server, &format!("/{bucket}?list-type=2")).unwrap();
    let listed = String::from_utf8(listed).unwrap();
    let keys = listed.split("<Key>").skip(1);
    keys.map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
}

/// Every file of a folder into a bucket, below a prefix.
pub fn put_folder(server: &str, folder: &Path, place: &str) {
    for (name, bytes) in crate::support::tree(folder) {
        put(server, &format!("/{place}/{name}"), &bytes);
    }
}

/// What a proxy does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Harm {
    None,
    /// 503 at once.
    Busy,
    /// 403 at once.
    Denied,
    /// Half of the answer's body.
    Cut,
}

/// Passes requests on, one a connection; `harm` is asked first, with method and path and the range that is wanted.
pub fn proxy(server: &str, harm: impl Fn(&str, &str) -> Harm + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = server.strip_prefix("http://").unwrap().to_owned();
    let harm = Arc::new(harm);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (server, harm) = (server.clone(), harm.clone());
            // A client that goes away is no concern of the test.
            std::thread::spawn(move || pass_on(client, &server, &*harm).ok());
        }
    });
    address
}

/// It knows its clients by their tokens.
fn is_of_the_hub(request: &str) -> bool {
    ["/api/", "/datasets/", "/storage/"].iter().any(|start| request.contains(start))
}

fn pass_on(
    mut client: TcpStream,
    server: &str,
    harm: &(dyn Fn(&str, &str) -> Harm + Send + Sync),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut first, mut range, mut length) = (String::new(), String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some(value) = lower.strip_prefix("range:") {
            range = value.trim().to_owned();
        }
        if first.is_empty() {
            first = line.trim().to_owned();
        }
        // Google's XML interface is Amazon's but for this and who signs, below.
        if lower.starts_with("x-goog-if-generation-match: 0") {
            head += "If-None-Match: *\r\n";
        } else if !(lower.starts_with("connection:")
            || lower.starts_with("authorization: bearer") && !is_of_the_hub(&first))
        {
            head += &line;
        }
    }
    if !is_of_the_hub(&first) && !head.to_ascii_lowercase().contains("\nauthorization:") {
        head += &format!("Authorization: {SIGNED}\r\n");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let harm = harm(first.trim_end_matches(" HTTP/1.1"), &range);
    let refusal = match harm {
        Harm::Busy => Some("503 Slow Down"),
        Harm::Denied => Some("403 Forbidden"),
        Harm::None | Harm::Cut => None,
    };
    if let Some(status) = refusal {
        let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return client.write_all(answer.as_bytes());
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    if harm == Harm::Cut {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |end| end + 4);
        answer.truncate(end + (answer.len() - end) / 2);
    }
    client.write_all(&answer)
}
