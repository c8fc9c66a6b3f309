//! Proxy URLs and proxy lists, as people type and paste them. Whatever the text: no panic, the URL survives the
//! way through its own text form, and no text form but the exposed one shows the password.
#![no_main]

use holdfast_model::{ProxyUrl, ProxyUrlError, parse_list};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match ProxyUrl::parse(text) {
        Ok(url) => check(&url),
        Err(ProxyUrlError::Scheme(scheme)) => assert!(scheme.len() <= 12, "an error repeats the text"),
        Err(_) => {}
    }
    let (entries, rejected) = parse_list(text);
    let lines = text.lines().count();
    assert!(entries.len() + rejected.len() <= lines, "more results than lines");
    assert!(entries.iter().map(|e| e.line).is_sorted_by(|a, b| a < b), "entries out of order");
    assert!(
        entries
            .iter()
            .map(|e| e.line)
            .chain(rejected.iter().map(|r| r.line))
            .all(|l| (1..=lines).contains(&l))
    );
    entries.iter().for_each(|entry| check(&entry.url));
});

fn check(url: &ProxyUrl) {
    let exposed = url.expose();
    let again = ProxyUrl::parse(exposed.expose());
    assert!(again.as_ref() == Ok(url), "{exposed:?} became {again:?}", exposed = exposed.expose());
    assert_ne!(url.port(), 0);
    assert!(!url.host().is_empty());

    let masked = url.masked();
    assert_eq!(format!("{url}"), masked.as_str());
    assert_eq!(format!("{url:?}"), masked.as_str());
    // '***' may be longer than the password, so the longest URLs are too long when masked. All others are taken for what
    // they are: whole without a password, and refused with a hidden one.
    let read = ProxyUrl::parse(masked.as_str());
    let known = masked.as_str().len() > 2048 || matches!(read, Ok(_) | Err(ProxyUrlError::Masked));
    assert!(known, "the masked form is no proxy URL: {masked}");
    let Some(credentials) = url.credentials() else { return };
    let password = credentials.password.expose();
    // Only a password that the rest of the URL cannot spell by chance tells anything.
    let telling = password.len() >= 4
        && password.bytes().all(|b| b.is_ascii_alphanumeric())
        && !url.without_password().contains(password);
    assert!(!telling || !masked.as_str().contains(password), "the masked form shows the password");
    let user = &credentials.user;
    assert_eq!(format!("{credentials:?}"), format!("Credentials {{ user: {user:?}, password: *** }}"));
}
