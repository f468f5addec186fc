//! What holds for any bytes.

use extract::{Mode, Options, extract};
use proptest::prelude::*;

use crate::property::check_page as check;
use crate::{cases, property};

/// Scraps that markup is made of, so that random pages get beyond text.
const SCRAPS: &[&str] = &[
    "<p>",
    "</p>",
    "<div class='sidebar'>",
    "<div id=content>",
    "</div>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<ul>",
    "<li>",
    "</ul>",
    "<a href=x>",
    "</a>",
    "<b>",
    "</b>",
    "<pre>",
    "</pre>",
    "<br>",
    "<math>",
    "<msup>",
    "<annotation encoding=tex>",
    "</math>",
    "<svg>",
    "</svg>",
    "<select>",
    "<option>",
    "<template>",
    "</template>",
    "<script>",
    "</script>",
    "<title>",
    "</title>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<",
    ">",
    "&",
    "&amp;",
    "&#x",
    "&#0;",
    "&notin",
    "'",
    "\"",
    "=",
    "/",
    " ",
    "\n",
    "\u{3000}",
    "\u{a0}",
    "word ",
    "A sentence, with words. ",
    "新闻",
    "<h1>",
    "</h3>",
    "<span style='display:none'>",
    "</span>",
    "<q>",
    "</q>",
    "<textarea>",
    "<plaintext>",
    "<meta charset=gbk>",
    "<meta charset=utf-16>",
    "\0",
    "<x-y/>",
    "<li",
    "<ol start=9>",
];

fn markup() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        8 => proptest::sample::select(SCRAPS).prop_map(|scrap| scrap.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(scrap, 0..200).prop_map(|scraps| scraps.concat())
}

#[test]
fn the_kept_cases_of_the_fuzz_target_hold() {
    cases::each("extract", property::check);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_page(page in proptest::collection::vec(any::<u8>(), 0..400), charset in ".{0,12}") {
        check(&page, Some(&charset));
    }

    #[test]
    fn any_markup_is_a_page(page in markup()) {
        check(&page, Some("utf-8"));
        check(&page, None);
    }

    /// Text alone comes back as it is, but for white space.
    #[test]
    fn text_is_kept(words in proptest::collection::vec("[a-zäж新]{1,9}", 1..40)) {
        let page = words.join(" \n");
        let text = extract(page.as_bytes(), Some("utf-8"), &Options { mode: Mode::AllText }).text;
        prop_assert_eq!(text, words.join(" "));
    }

    /// A page that is cut off anywhere reads as far as it goes.
    #[test]
    fn any_prefix_is_a_page(page in markup(), cut in any::<prop::sample::Index>()) {
        let end = cut.index(page.len() + 1);
        check(&page[..end], Some("utf-8"));
    }
}
