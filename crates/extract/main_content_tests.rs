//! Pages that are no news: what belongs to their text, and what does not.

use crate::{Mode, Options, extract};

fn lines(page: &str, mode: Mode) -> Vec<String> {
    let text = extract(page.as_bytes(), Some("utf-8"), &Options { mode }).text;
    text.lines().map(str::to_owned).collect()
}

const MENU: &str = "<div id=nav><ul class=menu><li><a href=1>Home</a><li><a href=2>News</a><li><a href=3>Contact</a></ul>\
    </div>";
const FOOTER: &str =
    "<div id=footer><p>Copyright 2020 <a href=4>Imprint</a> <a href=5>Privacy policy</a></p></div>";

#[test]
fn a_manual_keeps_its_code_lists_and_tables() {
    let page = format!(
        "<title>Reading files - Manual</title>{MENU}<main><h1>Reading files</h1>
        <p>A file is read line by line, so that it may be larger than memory. Open it first, then read from it.</p>
        <pre><code>open(path)\n    .read()\nclose()</code></pre>
        <p>Errors are returned, not thrown. What can go wrong, and what it means, is listed in the table below.</p>
        <table><tr><th>Code</th><th>Meaning</th></tr><tr><td>2</td><td>no such file</td></tr></table>
        <p>Before you report an error, please check these, since they are what most reports turn out to be about:</p>
        <ul><li>the path</li><li>its owner</li></ul>
        <p>If all of them are as they should be, write to us, and we will do our best to find out what happens.</p>
        </main>{FOOTER}"
    );
    let expected = [
        "Reading files",
        "A file is read line by line, so that it may be larger than memory. Open it first, then read from it.",
        "open(path)",
        "    .read()",
        "close()",
        "Errors are returned, not thrown. What can go wrong, and what it means, is listed in the table below.",
        "| Code | Meaning |",
        "| 2 | no such file |",
        "Before you report an error, please check these, since they are what most reports turn out to be about:",
        "- the path",
        "- its owner",
        "If all of them are as they should be, write to us, and we will do our best to find out what happens.",
    ];
    assert_eq!(lines(&page, Mode::Balanced), expected);
    assert_eq!(lines(&page, Mode::Precision), expected);
}

#[test]
fn a_thread_keeps_all_its_posts() {
    let texts = [
        "My bread does not rise at all, and I have tried everything I could find in books. What do I do wrong?",
        "Is your starter active? It should double within six hours of being fed, or the loaf will be flat.",
        "Thanks, I fed it twice a day for a week, and it works now!",
        "Same here. Warm water helps, too: I use about 28 degrees.",
    ];
    let post = |text: &&str| {
        format!(
            "<div class=post><div class=author><a href=6>user</a></div><div class=message><p>{text}</p></div>\
             <div class=tools><a href=7>Reply</a> <a href=8>Quote</a></div></div>"
        )
    };
    let posts: String = texts.iter().map(post).collect();
    let page = format!("<title>My bread - Forum</title>{MENU}<div class=thread>{posts}</div>{FOOTER}");
    assert_eq!(lines(&page, Mode::Balanced), texts);
}

#[test]
fn an_article_comes_without_what_surrounds_it() {
    let page = format!(
        "<title>Bridge opens after two years - The Paper</title>{MENU}<div class=article><h1>Bridge opens after two \
         years</h1><div class=byline>By A. Writer</div><div class=article-body>
         <p>The bridge over the river was opened on Monday, two years after work on it had begun, the council said.</p>
         <p>Cars, bicycles and people on foot can cross it again. “We are glad,” said the mayor, who was the first.</p>
         </div><div class=share><a href=9>Share</a> <a href=10>Tweet</a></div></div>
         <div class=related><h3>More news</h3><ul><li><a href=11>Tunnel closed for repairs until May</a>
         <li><a href=12>Ferry runs again after the storm</a></ul></div>
         <div id=comments><p>Anna: At last! I had to take the long way round for two years, every day.</p></div>{FOOTER}"
    );
    assert_eq!(
        lines(&page, Mode::Balanced),
        [
            "Bridge opens after two years",
            "By A. Writer",
            "The bridge over the river was opened on Monday, two years after work on it had begun, the council said.",
            "Cars, bicycles and people on foot can cross it again. “We are glad,” said the mayor, who was the first.",
        ]
    );
    let all = lines(&page, Mode::AllText);
    assert!(all.len() > 12 && all.contains(&"- Tunnel closed for repairs until May".to_owned()), "{all:?}");
}

#[test]
fn a_caption_that_stands_twice_is_kept_once() {
    let caption = "The new bridge on the day of its opening, seen from the old town.";
    let text = "Thousands came to see it, although rain had been announced, and nobody wanted to go home before dark.";
    let page = format!(
        "<main><p>{caption}</p><p>{text}</p><p>{caption}</p><p>{text} Or so it seemed, at least.</p></main>"
    );
    assert_eq!(lines(&page, Mode::Balanced), [caption, text, &format!("{text} Or so it seemed, at least.")]);
    assert_eq!(lines(&page, Mode::AllText).len(), 4);
}

#[test]
fn a_page_of_menus_has_no_main_content() {
    let links: String = (0..60).map(|at| format!("<li><a href={at}>Section {at}</a>")).collect();
    let page = format!("{MENU}<ul class=nav>{links}</ul>{FOOTER}");
    assert_eq!(lines(&page, Mode::Precision), [""; 0]);
    assert!(lines(&page, Mode::Balanced).len() < 10);
}
