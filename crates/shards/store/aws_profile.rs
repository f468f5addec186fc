//! Profiles of `~/.aws/config` and `~/.aws/credentials`, as the SDKs of AWS read them. What the environment says comes
//! first: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
use std::collections::HashMap;
use std::future::Future;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use object_store::CredentialProvider;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Setting, AwsCredential};
use serde::Deserialize;

use super::locked;
use crate::StoreError;

/// A program is asked again for keys when those it gave are so old: they may expire.
const KEYS_AGE: Duration = Duration::from_secs(300);

/// What is set for S3, in the profile that the environment names.
#[derive(Default, Debug, PartialEq)]
struct Profile {
    name: String,
    settings: HashMap<String, String>,
}

/// Sets what the profile says and the environment does not.
///
/// Errors: no such profile, or keys that only AWS's own programs can get.
pub(super) fn apply(mut builder: AmazonS3Builder) -> Result<AmazonS3Builder, StoreError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let read = |name: &str, otherwise: &str| {
        let home = || variable("HOME").map(PathBuf::from);
        let path = match variable(name) {
            Some(path) => match path.strip_prefix("~/") {
                Some(rest) => home().map(|home| home.join(rest)),
                None => Some(path.into()),
            },
            None => home().map(|home| home.join(".aws").join(otherwise)),
        };
        let Some(path) = path else { return Ok(String::new()) };
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            found => found.map_err(|error| {
                let why = format!("{} cannot be read ({error})", path.display());
                StoreError::new(why, "make it readable, or name another one with AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE")
            }),
        }
    };
    let config = read("AWS_CONFIG_FILE", "config")?;
    let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let profile = Profile::find(variable("AWS_PROFILE").as_deref(), &config, &credentials)?;

    let is_set = |builder: &AmazonS3Builder, settings: &[Setting]| {
        settings.iter().any(|setting| builder.get_config_value(setting).is_some())
    };
    if let Some(region) = profile.get("region")
        && !is_set(&builder, &[Setting::Region, Setting::DefaultRegion])
    {
        builder = builder.with_region(region);
    }
    let is_ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .or(profile.get("ignore_configured_endpoint_urls").map(str::to_owned));
    if let Some(endpoint) = profile.get("s3.endpoint_url").or(profile.get("endpoint_url"))
        && !is_ignored.is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
        && !is_set(&builder, &[Setting::Endpoint, Setting::S3Endpoint])
    {
        builder = builder.with_endpoint(endpoint);
    }
    // A client that does not sign needs no keys.
    let others = [Setting::AccessKeyId, Setting::WebIdentityTokenFile];
    if is_set(&builder, &others)
        || builder.get_config_value(&Setting::SkipSignature).is_some_and(|flag| flag == "true")
    {
        return Ok(builder);
    }
    profile.sign(builder)
}

impl Profile {
    /// Errors: none of that name. The default one need not be there.
    fn find(name: Option<&str>, config: &str, credentials: &str) -> Result<Profile, StoreError> {
        let wanted = name.unwrap_or("default");
        let mut profile = Profile { name: wanted.to_owned(), settings: HashMap::new() };
        let mut is_there = name.is_none_or(|name| name == "default");
        let config = sections(config);
        for (section, settings) in &config {
            let found = section.strip_prefix("profile ").map_or(section.as_str(), str::trim);
            if found == wanted && (section.starts_with("profile ") || wanted == "default") {
                profile.settings.extend(settings.clone());
                is_there = true;
            }
        }
        for (section, settings) in sections(credentials) {
            if section == wanted {
                profile.settings.extend(settings);
                is_there = true;
            }
        }
        if !is_there {
            return Err(StoreError::new(
                format!(
                    "AWS_PROFILE: there is no profile `{wanted}` in ~/.aws/config and ~/.aws/credentials"
                ),
                "name one that is there, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to where it is",
            ));
        }
        // Endpoints by service lie in a section of their own.
        if let Some(services) = profile.get("services") {
            let services = format!("services {services}");
            let found = config.iter().find(|(section, _)| *section == services);
            if let Some(endpoint) = found.and_then(|(_, settings)| settings.get("s3.endpoint_url")) {
                profile.settings.insert("s3.endpoint_url".to_owned(), endpoint.clone());
            }
        }
        Ok(profile)
    }

    fn get(&self, setting: &str) -> Option<&str> {
        self.settings.get(setting).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn sign(&self, builder: AmazonS3Builder) -> Result<AmazonS3Builder, StoreError> {
        let roles = ["role_arn", "sso_session", "sso_start_url", "web_identity_token_file", "login_session"];
        if let Some(setting) = roles.into_iter().find(|setting| self.get(setting).is_some()) {
            return Err(StoreError::new(
                format!(
                    "profile `{}` of AWS gets its keys by `{setting}`, which is not done here",
                    self.name
                ),
                "set what `aws configure export-credentials --format env` prints, or give a profile with `credential_process = aws configure export-credentials --profile …`",
            ));
        }
        if let (Some(id), Some(secret)) = (self.get("aws_access_key_id"), self.get("aws_secret_access_key")) {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            return Ok(match self.get("aws_session_token") {
                Some(token) => builder.with_token(token),
                None => builder,
            });
        }
        match self.get("credential_process") {
            Some(command) => {
                let keys = Keys { command: command.to_owned(), known: Mutex::default() };
                keys.ask()?;
                Ok(builder.with_credentials(Arc::new(keys)))
            }
            None => Ok(builder),
        }
    }
}

/// Sections by their names. A setting of a group is named `group.setting`.
fn sections(text: &str) -> Vec<(String, HashMap<String, String>)> {
    let mut sections: Vec<(String, HashMap<String, String>)> = Vec::new();
    let mut group = String::new();
    for line in text.lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let words: Vec<&str> = name.0.split_whitespace().collect();
            sections.push((words.join(" ").replace('"', ""), HashMap::new()));
            continue;
        }
        let (Some((_, settings)), Some((name, value))) = (sections.last_mut(), line.split_once('=')) else {
            continue;
        };
        let comment = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
        let value = value[..comment.unwrap_or(value.len())].trim();
        let name = name.trim().to_lowercase();
        if is_indented && !group.is_empty() {
            settings.insert(format!("{group}.{name}"), value.to_owned());
            continue;
        }
        group = if value.is_empty() { name.clone() } else { String::new() };
        settings.insert(name, value.to_owned());
    }
    sections
}

/// Keys from a program, as `aws configure export-credentials` prints them.
#[derive(Debug)]
struct Keys {
    command: String,
    known: Mutex<Option<(Instant, Arc<AwsCredential>)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Keys {
    fn ask(&self) -> Result<Arc<AwsCredential>, StoreError> {
        let mut known = locked(&self.known);
        if let Some((asked, keys)) = known.as_ref()
            && asked.elapsed() < KEYS_AGE
        {
            return Ok(keys.clone());
        }
        let wrong = |why: String| {
            StoreError::new(
                format!("`{}` gives no keys ({why})", self.command),
                "run it by hand, and mend what it tells",
            )
        };
        let output = Command::new("sh").arg("-c").arg(&self.command).output();
        let output = output.map_err(|error| wrong(error.to_string()))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            return Err(wrong(format!("{}: {}", output.status, told.lines().next().unwrap_or_default())));
        }
        // What it printed is secret, also where it cannot be read.
        let printed: Result<Printed, _> = serde_json::from_slice(&output.stdout);
        let printed = printed.map_err(|_| wrong("it prints something else".to_owned()))?;
        let keys = Arc::new(AwsCredential {
            key_id: printed.access_key_id,
            secret_key: printed.secret_access_key,
            token: printed.session_token,
        });
        *known = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}

impl CredentialProvider for Keys {
    type Credential = AwsCredential;

    fn get_credential<'a, 'b>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = object_store::Result<Arc<AwsCredential>>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let wrong = |error| object_store::Error::Generic { store: "S3", source: Box::new(error) };
        Box::pin(std::future::ready(self.ask().map_err(wrong)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CONFIG: &str = "
# a comment
[default]
region = eu-west-1  ; another
[profile work]
region=us-west-2
services = mine
endpoint_url = https://all.example.org
s3 =
    max_concurrent_requests = 20
output = json
[services mine]
s3 =
  endpoint_url = http://127.0.0.1:9000
[profile signed-in]
sso_session = home
[unmarked]
region = nowhere";

    const CREDENTIALS: &str = "[default]\naws_access_key_id = one\naws_secret_access_key = a=b#c\n\n[work]\naws_access_key_id = two";

    fn find(name: Option<&str>) -> Result<Profile, StoreError> {
        Profile::find(name, CONFIG, CREDENTIALS)
    }

    #[test]
    fn a_profile_is_what_both_files_say() {
        let default = find(None).unwrap();
        assert_eq!(default.get("region"), Some("eu-west-1"));
        assert_eq!(default.get("aws_secret_access_key"), Some("a=b#c"));
        let work = find(Some("work")).unwrap();
        let settings =
            ["region", "s3.endpoint_url", "s3.max_concurrent_requests", "output", "aws_access_key_id"];
        let found = settings.map(|setting| work.get(setting).unwrap());
        assert_eq!(found, ["us-west-2", "http://127.0.0.1:9000", "20", "json", "two"]);
        assert_eq!(Profile::find(None, "", "").unwrap().settings, HashMap::new());
    }

    #[test]
    fn what_is_not_there_or_not_done_is_refused() {
        for name in ["nobody", "unmarked", "mine"] {
            let told = find(Some(name)).unwrap_err();
            assert!(told.why.contains(&format!("no profile `{name}`")), "{told}");
        }
        let told = find(Some("signed-in")).unwrap().sign(AmazonS3Builder::new()).unwrap_err();
        assert!(told.why.contains("sso_session") && told.remedy.contains("export-credentials"), "{told}");
    }

    #[test]
    fn a_program_gives_keys() {
        let keys = |command: &str| Keys { command: command.to_owned(), known: Mutex::default() }.ask();
        let found = keys(r#"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}'"#).unwrap();
        assert_eq!((found.key_id.as_str(), found.secret_key.as_str(), &found.token), ("a", "b", &None));
        for (command, why) in [("echo no; exit 3", "exit status: 3"), ("echo secret", "something else")] {
            let told = keys(command).unwrap_err();
            assert!(told.why.contains(why) && !told.why.contains("(secret"), "{told}");
        }
    }
}
