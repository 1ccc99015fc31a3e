//! A browser, as far as signing in with a provider goes: it keeps cookies, follows the provider to and fro step by step,
//! and sends what browsers send of where a page comes from.

use std::collections::BTreeMap;

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::Value;
use url::Url;

use super::{Reply, TestApp, User};

/// A browser at one server.
pub struct Browser {
    client: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn at(app: &TestApp) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0).no_proxy().build().unwrap();
        Self { client, origin: app.url(), cookies: BTreeMap::new() }
    }

    /// Opens an address to which a page of the site `from` led: `same-origin`, `cross-site` or `none`.
    pub async fn open(&mut self, address: &str, from: &str) -> Reply {
        let url = if address.starts_with('/') { format!("{}{address}", self.origin) } else { address.to_owned() };
        let request = self.client.get(url).header("sec-fetch-site", from).header("sec-fetch-mode", "navigate");
        self.send(request, from == "cross-site").await
    }

    /// What a page of the server's own sends.
    pub async fn post(&mut self, path: &str, body: Value) -> Reply {
        let request = self.client.request(Method::POST, format!("{}{path}", self.origin)).json(&body);
        self.send(request.header("origin", &self.origin).header("sec-fetch-site", "same-origin"), false).await
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.open(path, "same-origin").await
    }

    /// Goes to the provider and comes back: the address that the provider led back to, not opened yet.
    pub async fn go_to_provider(&mut self, begin: &str) -> String {
        let gone = self.get(begin).await;
        assert_eq!(gone.status, 303, "{}", gone.text);
        let at_provider = self.open(gone.header("location"), "cross-site").await;
        assert_eq!(at_provider.status, 302, "{}", at_provider.text);
        at_provider.header("location").to_owned()
    }

    /// All the way: what the server answers to whoever comes back.
    pub async fn sign_in(&mut self) -> Reply {
        let back = self.go_to_provider("/auth/oidc/begin").await;
        self.open(&back, "cross-site").await
    }

    /// Pages of the server in this browser, as they are now.
    pub fn pages(&self, app: &TestApp) -> User {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let user = app.anonymous().with_header("origin", &self.origin).with_header("sec-fetch-site", "same-origin");
        if cookies.is_empty() { user } else { user.with_header("cookie", &cookies.join("; ")) }
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    async fn send(&mut self, request: RequestBuilder, is_foreign: bool) -> Reply {
        let mut request = request.build().unwrap();
        let is_ours = Url::parse(&self.origin).unwrap().origin() == request.url().origin();
        // `SameSite`: of the cookies only the one of an attempt goes along where another site leads here.
        let sent = self.cookies.iter().filter(|(name, _)| is_ours && (!is_foreign || *name == "promptster_oidc"));
        let sent: Vec<String> = sent.map(|(name, value)| format!("{name}={value}")).collect();
        if !sent.is_empty() {
            request.headers_mut().insert("cookie", sent.join("; ").parse().unwrap());
        }
        let response = self.client.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match rest.contains("Max-Age=0;") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Reply::of(status, headers, response.text().await.unwrap())
    }
}
