//! What is answered to which request.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde_json::{Value, json};

use crate::guard::{Admitted, Guard};
use crate::site::Site;
use crate::wanted::Wanted;

type Answer = Response<Full<Bytes>>;

/// The longest page that is judged.
const PAGE_BYTES: usize = 4 << 20;
/// What is longer is read on until here, so that whoever sends it reads what is answered.
const SENT_BYTES: usize = 64 << 20;

/// What the pages have beyond the report's parts.
const STYLE: &str = include_str!("assets/style.css");
const LINKS: &str = include_str!("assets/links.js");
const LIVE: &str = include_str!("assets/live.js");
const DOCUMENTS: &str = include_str!("assets/browse.js");
const JUDGE: &str = include_str!("assets/judge.js");

/// What there is.
const PATHS: [&str; 7] =
    ["/", "/documents", "/judge", "/live.json", "/run.json", "/documents.json", "/document.json"];

/// Nobody else's page may hold, read or guess what is answered.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];
const NOTHING_LOADS: &str = "default-src 'none'; frame-ancestors 'none'";

/// All pages, behind the guard.
pub(crate) struct Pages {
    site: Arc<Site>,
    guard: Guard,
}

impl Pages {
    pub fn new(site: Arc<Site>, guard: Guard) -> Pages {
        Pages { site, guard }
    }

    pub async fn answer(&self, request: Request<Incoming>) -> Answer {
        let mut answer = match self.guard.admit(request.method(), request.uri(), request.headers()) {
            Ok(Admitted::Answer) => self.admitted(request).await,
            Ok(Admitted::Cookie(cookie)) => moved(request.uri().path(), &cookie),
            Err((status, why)) => told(status, why),
        };
        let headers = answer.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING_LOADS));
        answer
    }

    async fn admitted(&self, request: Request<Incoming>) -> Answer {
        let (site, path) = (self.site.clone(), request.uri().path().to_owned());
        match (request.method(), path.as_str()) {
            (&Method::GET, "/") => page(site, &[LINKS, LIVE, report::CHAPTERS]).await,
            (&Method::GET, "/documents") => page(site, &[LINKS, DOCUMENTS]).await,
            (&Method::GET, "/judge") => page(site, &[LINKS, JUDGE]).await,
            (&Method::POST, "/judge") => judge(site, request.into_body()).await,
            (&Method::GET, "/live.json") => live(site).await,
            (&Method::GET, "/run.json") => run(site).await,
            (&Method::GET, "/documents.json") => documents(site, request.uri()).await,
            (&Method::GET, "/document.json") => document(site, request.uri()).await,
            _ if PATHS.contains(&path.as_str()) => {
                told(StatusCode::METHOD_NOT_ALLOWED, "this can only be read")
            }
            _ => told(StatusCode::NOT_FOUND, "there is no such page: / has the report"),
        }
    }
}

/// The same place without the token.
fn moved(path: &str, cookie: &str) -> Answer {
    let mut answer = told(StatusCode::SEE_OTHER, "");
    // `//name/` would be another machine's.
    let place = format!("/{}", path.trim_start_matches('/'));
    for (name, value) in [(header::LOCATION, place.as_str()), (header::SET_COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn told(status: StatusCode, why: &str) -> Answer {
    let mut answer = as_json(&json!({ "error": why }));
    *answer.status_mut() = status;
    answer
}

fn as_json(value: &Value) -> Answer {
    typed("application/json", value.to_string())
}

fn typed(kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// An answer, or what is wrong.
fn answered(result: Result<Value, String>) -> Answer {
    match result {
        Ok(value) => as_json(&value),
        Err(why) => told(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

/// Something that reads files or takes long, beside those that answer.
async fn beside<T: Send + 'static>(
    site: Arc<Site>,
    work: impl FnOnce(&Site) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(move || work(&site)).await;
    done.unwrap_or_else(|_| Err("this made the program panic: please report it as a bug".to_owned()))
}

async fn page(site: Arc<Site>, scripts: &'static [&'static str]) -> Answer {
    let drawn = beside(site, |site| {
        let run = site.run()?;
        report::render_served(&run, STYLE, scripts).map_err(|error| error.to_string())
    });
    let (page, policy) = match drawn.await {
        Ok(drawn) => drawn,
        Err(why) => return told(StatusCode::INTERNAL_SERVER_ERROR, &why),
    };
    let mut answer = typed("text/html; charset=utf-8", page);
    if let Ok(policy) = HeaderValue::from_str(&format!("{policy}; frame-ancestors 'none'")) {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// How far the run is: small, since it is asked for every second.
async fn live(site: Arc<Site>) -> Answer {
    answered(beside(site, |site| Ok(site.now().as_json(&site.out))).await)
}

/// What the page's chapters are drawn from.
async fn run(site: Arc<Site>) -> Answer {
    let drawn = beside(site, |site| {
        let run = site.run()?;
        report::page_numbers(&run).map_err(|error| error.to_string())
    });
    match drawn.await {
        Ok(json) => typed("application/json", json),
        Err(why) => told(StatusCode::INTERNAL_SERVER_ERROR, &why),
    }
}

/// Names and values behind the question mark.
fn pairs(uri: &Uri) -> Vec<(String, String)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

async fn documents(site: Arc<Site>, uri: &Uri) -> Answer {
    match Wanted::of(&pairs(uri)) {
        Ok(wanted) => answered(site.ledger.find(&wanted).await),
        Err(why) => answered(Err(why)),
    }
}

async fn document(site: Arc<Site>, uri: &Uri) -> Answer {
    let pairs = pairs(uri);
    let number = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.parse::<i64>().ok()).filter(|number| *number >= 0)
    };
    let (Some(shard), Some(row)) =
        (number("shard").and_then(|shard| i32::try_from(shard).ok()), number("row"))
    else {
        return answered(Err("name a document by its numbers: shard=0&row=17".to_owned()));
    };
    answered(beside(site, move |site| site.verbs.document(shard, row)).await)
}

async fn judge(site: Arc<Site>, page: Incoming) -> Answer {
    match read(page).await {
        Some(page) if page.iter().all(u8::is_ascii_whitespace) => {
            answered(Err("there is nothing to judge: paste a text, or choose a file".to_owned()))
        }
        Some(page) => answered(beside(site, move |site| site.verbs.judge(&page)).await),
        None => told(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the page is above 4 MiB: `corpus inspect --file` judges files of any size",
        ),
    }
}

/// What was sent; `None`: it is too long, or broke off.
async fn read(mut sent: Incoming) -> Option<Vec<u8>> {
    let (mut bytes, mut n) = (Vec::new(), 0);
    while let Some(frame) = sent.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        n += data.len();
        if n > SENT_BYTES {
            return None;
        }
        if n <= PAGE_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    (n <= PAGE_BYTES).then_some(bytes)
}
