//! Puts the web page into the program: what `make web` built in `web/dist`, compressed there already. Without it a page that
//! says how to build one takes its place, so that `cargo build` needs no npm.
#![expect(clippy::expect_used, clippy::panic, reason = "a build that cannot go on says why")]

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    // In the repository with nothing in it: a folder that is not there would count as changed in every build.
    let built = here.join("../../web/dist");
    println!("cargo::rerun-if-changed={}", built.display());
    println!("cargo::rerun-if-changed=page-missing.html");
    let mut files = Vec::new();
    if built.join("index.html").is_file() {
        collect(&built, &built, &mut files);
        files.sort();
    } else {
        files.push(("/index.html".to_owned(), here.join("page-missing.html")));
    }
    let mut code = String::from("static FILES: &[File] = &[\n");
    for (name, path) in &files {
        let bytes = fs::read(path).expect("a file of the page");
        let beside = |ending: &str| {
            let path = PathBuf::from(format!("{}.{ending}", path.display()));
            if path.is_file() { format!("Some(include_bytes!({path:?}))") } else { "None".to_owned() }
        };
        writeln!(
            code,
            "    File {{ path: {name:?}, kind: {:?}, tag: {:?}, plain: include_bytes!({path:?}), gzip: {}, brotli: {} }},",
            kind(name),
            tag(&bytes),
            beside("gz"),
            beside("br"),
        )
        .expect("a String takes everything");
    }
    code.push_str("];\n");
    fs::write(out.join("page.rs"), code).expect("the list of the page's files");
}

/// All files below `folder` but hidden ones and the compressed forms, with their addresses.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).expect("a folder of the page") {
        let path = entry.expect("a file of the page").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_owned();
        if path.is_dir() {
            collect(root, &path, files);
        } else if !name.starts_with('.') && !name.ends_with(".br") && !name.ends_with(".gz") {
            let inside = path.strip_prefix(root).expect("below the root");
            files.push((format!("/{}", inside.display()), path.canonicalize().expect("a file")));
        }
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "webmanifest" => "application/json",
        "woff2" => "font/woff2",
        other => panic!("what is a {other} file ({name})? Say so in crates/api/build.rs"),
    }
}

/// Changes with the content; it guards a cache, nothing else.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
