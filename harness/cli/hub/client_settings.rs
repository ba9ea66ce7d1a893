//! How servers are reached: by the environment, with the variables of Hugging Face's tools.

use std::{env, time::Duration};

use anyhow::{Context, anyhow};
use clsrl_hub::ClientSettings;

use super::models::{hf_home, path_in};
use crate::exit::Exit;

/// Where models come from unless something else is said.
const ENDPOINT: &str = "https://huggingface.co";

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// The most bytes of a file with a token.
const MAX_TOKEN: u64 = 4096;

/// What the environment says of the hub.
pub fn client_settings() -> anyhow::Result<ClientSettings> {
    let text = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let first = |names: &[&str]| names.iter().find_map(|name| text(name));
    let is_set = |name: &str| {
        let value = text(name).unwrap_or_default().to_uppercase();
        ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
    };
    let no_proxy = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Ok(ClientSettings {
        endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()),
        token: if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") { None } else { token()? },
        proxy: first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
        no_proxy: no_proxy.split(',').map(str::to_owned).collect(),
        silence: SILENCE,
        user_agent: concat!("clsrl-bench/", env!("CARGO_PKG_VERSION")).to_owned(),
        is_offline: is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE"),
    })
}

/// The user's token, from the environment or from where `hf auth login` leaves it.
fn token() -> anyhow::Result<Option<String>> {
    let clean = |text: String| {
        let text = text.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
        if let Some(token) = env::var(name).ok().and_then(clean) {
            return plain(token, name).map(Some);
        }
    }
    let path = match path_in("HF_TOKEN_PATH") {
        Some(path) => path,
        None => match hf_home() {
            Ok(home) => home.join("token"),
            Err(_) => return Ok(None),
        },
    };
    match clsrl_files::read_to_string(&path, MAX_TOKEN) {
        Ok(text) => clean(text).map(|token| plain(token, &path.display().to_string())).transpose(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot read the token in `{}`", path.display()))
        }
    }
}

/// Refuses a token that would break out of its header. It is never printed.
fn plain(token: String, place: &str) -> anyhow::Result<String> {
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token),
        false => {
            Err(Exit::Usage
                .because(anyhow!("the token in `{place}` has characters that no token has")))
        }
    }
}
