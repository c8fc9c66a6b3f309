//! Templates: what is read, what is refused, and that no value whatsoever makes a path that is not safe.

use std::collections::HashSet;
use std::fs;
use std::path::Component;

use chrono::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::output::{Container, Output};

fn values(channel: &str, title: &str) -> Values {
    let at = Local.with_ymd_and_hms(2026, 7, 5, 9, 8, 7).single().expect("a time");
    let title = (!title.is_empty()).then(|| title.to_owned());
    Values { channel: channel.to_owned(), title, category: None, at, id: RecordingId::new() }
}

fn path(template: &str, values: &Values) -> String {
    let template = Template::parse(template).expect(template);
    template.path(values).to_str().expect("text").to_owned()
}

#[test]
fn placeholders_are_filled_in() {
    let values = values("Some One", "What/ever: part 1");
    let id = values.id.to_string();
    let id = &id[id.len() - 8..];
    for (template, expected) in [
        ("{channel}/{date} {title} [{id}]", format!("Some One/2026-07-05 What_ever_ part 1 [{id}]")),
        ("{year}/{month}/{day}/{time}", "2026/07/05/09-08-07".to_owned()),
        ("{ channel } ({category})", "Some One".to_owned()),
        ("{category}/{channel}", "unnamed/Some One".to_owned()),
        ("no placeholder", "no placeholder".to_owned()),
    ] {
        assert_eq!(path(template, &values), expected);
    }
}

#[test]
fn what_is_no_template_is_refused_with_a_reason() {
    for (template, word) in [
        ("", "empty"),
        ("  ", "empty"),
        ("{channel}/{titel}", "{titel}: there are {channel}, {title}, {category}"),
        ("{}", "{}"),
        ("{channel", "brace"),
        ("channel}", "brace"),
        ("{a{title}", "{a{title}"),
        ("/{channel}", "folder ''"),
        ("{channel}/", "folder ''"),
        ("a//b", "folder ''"),
        ("../{channel}", "folder '..'"),
        ("a/. ./b", "folder '. .'"),
        ("{channel}\\{title}", "'\\\\'"),
        ("{title}?", "'?'"),
        ("a\u{7}b", "'\\u{7}'"),
        ("{title}.MP4", ".mp4"),
        ("a/b/c/d/e/f/g/h/i", "too long"),
        (&"x".repeat(501), "too long"),
    ] {
        let error = Template::parse(template).expect_err(template).to_string();
        assert!(error.contains(word), "{template:?}: {error}");
    }
}

#[test]
fn a_long_title_costs_nothing_but_its_end() {
    let values = values("Someone", &"日本語".repeat(100));
    let text = path("{channel}/{date} {title} [{id}]", &values);
    let (folder, file) = text.split_once('/').expect("a folder");
    assert_eq!(folder, "Someone");
    assert!(
        file.starts_with("2026-07-05 日本語")
            && file.ends_with(&format!(" [{}]", &values.id.to_string()[24..]))
    );
    assert!((180..=LONGEST - ENDING).contains(&file.len()), "{file}");
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let directory = tempfile::tempdir().expect("a directory");
    let template = Template::parse("{channel}/{title}").expect("a template");
    let values = values("c", "t");
    let begun = std::cell::RefCell::new(HashSet::new());
    let next = |container| {
        let taken = |path: &Path| begun.borrow().contains(path);
        let output =
            Output::from_template(directory.path(), &template, &values, container, taken).expect("an output");
        output.path().strip_prefix(directory.path()).expect("inside").to_str().expect("text").to_owned()
    };
    assert_eq!(next(Container::Ts), "c/t.ts");
    assert!(directory.path().join("c").is_dir(), "its folder is there");
    fs::write(directory.path().join("c/t.mkv"), "").expect("written");
    assert_eq!(next(Container::Ts), "c/t (2).ts", "the parts of both would have one name");
    begun.borrow_mut().insert(directory.path().join("c/t (2).ts"));
    assert_eq!(next(Container::Mp4), "c/t (3).mp4");
    fs::write(directory.path().join("c/t (3).part007.bin"), "").expect("written");
    assert_eq!(next(Container::Mp4), "c/t (4).mp4");
    fs::write(directory.path().join("d"), "").expect("written");
    let in_a_file = Template::parse("d/{title}").expect("a template");
    let error = Output::from_template(directory.path(), &in_a_file, &values, Container::Ts, |_| false);
    assert!(matches!(error, Err(crate::OutputError::Io { .. })), "{error:?}");
}

/// What Windows says to a name, written down once more and apart from the code.
fn windows_takes(name: &str) -> bool {
    let bad = |c: char| (c as u32) < 32 || "<>:\"/\\|?*".contains(c);
    let base = name.split('.').next().expect("one").trim_end_matches(' ').to_uppercase();
    let mut devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map(str::to_owned).to_vec();
    for port in ["COM", "LPT"] {
        devices.extend("0123456789¹²³".chars().map(|number| format!("{port}{number}")));
    }
    !name.is_empty() && !name.ends_with(['.', ' ']) && !name.chars().any(bad) && !devices.contains(&base)
}

fn wild() -> impl Strategy<Value = String> {
    let tricky = [
        "..", "/", "\\", ".", " ", "NUL", "con.", "COM1", "lpt¹", "C:", "\0", "\u{202e}", "\u{301}", "🎮",
        "日", ".ts", ".part001", "~", "-", "a", "{title}", "\u{feff}", "\u{ffff}", "é", "İ", "ﬃ",
    ];
    prop_oneof![
        prop::collection::vec(prop::sample::select(tricky.to_vec()), 0..200).prop_map(|words| words.concat()),
        any::<String>(),
        ".{0,400}",
    ]
}

fn templates() -> impl Strategy<Value = String> {
    let pieces = [
        "{channel}",
        "{title}",
        "{category}",
        "{date}",
        "{id}",
        "/",
        " ",
        ".",
        "[",
        "]",
        "NUL",
        "aux.",
        "x",
        "日本",
        "..",
        "(",
        ")",
        ".part001",
        "COM",
        "1",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..20).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_number_finds_room_behind_the_longest_name() {
    let (short, long) = (Path::new("/x/show"), PathBuf::from(format!("/x/{}", "日".repeat(82))));
    let second = |path: &Path| super::numbered(path, |other| other != path).expect("there are thousands");
    assert_eq!(second(short), Path::new("/x/show (2)"));
    let with_part = format!("{}.part001.mkv", second(&long).display());
    let name = with_part.strip_prefix("/x/").expect("beside it");
    assert!(name.contains("日日 (2).") && (250..=255).contains(&name.len()), "{name}");
    assert_eq!(super::numbered(&long, |_| true).as_deref(), Some(&*long), "it is not touched without need");
    assert_eq!(super::numbered(&long, |_| false), None);
}

proptest! {
    #[test]
    fn no_template_and_no_value_make_a_path_that_is_not_safe(
        template in prop_oneof![templates(), any::<String>()],
        channel in wild(), title in wild(), category in wild(),
    ) {
        let Ok(template) = Template::parse(&template) else { return Ok(()) };
        let values = Values { category: Some(category), ..values(&channel, &title) };
        let directory = tempfile::tempdir().expect("a directory");
        // A number is added each time.
        for container in [Container::Ts, Container::Mkv, Container::Mp4] {
            let output = Output::from_template(directory.path(), &template, &values, container, |_| false)
                .expect("Linux creates the folders");
            let path = output.path();
            let inside = path.strip_prefix(directory.path()).expect("inside");
            prop_assert_eq!(Container::of(path), Some(container));
            for component in inside.components() {
                let Component::Normal(name) = component else { panic!("{inside:?}") };
                let name = name.to_str().expect("text");
                prop_assert!(windows_takes(name) && name.len() <= 200 && !name.starts_with('.'), "{:?}", name);
            }
            let (part, _) = output.create_part("ts").expect("Linux creates the part");
            prop_assert_eq!(part.parent(), path.parent());
            prop_assert_eq!(output.parts_after(&[]), vec![part]);
            fs::write(path, "").expect("Linux creates the file");
        }
    }
}
