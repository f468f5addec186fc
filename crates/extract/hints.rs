//! What names say about a container: words in `class`, `id`, `role` and `itemprop`.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::attributes::Attributes;

/// A set of hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints(u32);

macro_rules! hints {
    ($($(#[$doc:meta])* $name:ident = $bit:literal: [$($word:literal)*];)*) => {
        impl Hints {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
        /// Words with what they hint at. Words under five letters count as whole words only.
        const WORDS: &[(&str, Hints)] = &[$($(($word, Hints::$name),)*)*];
    };
}

hints! {
    NAVIGATION = 0: ["nav" "navi" "navbar" "navigation" "menu" "submenu" "breadcrumb" "crumbs" "crumb" "pagination" "pager"
        "paging" "toolbar" "topbar" "tabs" "tab" "sitemap" "dropdown" "okruszki" "path"];
    FOOTER = 1: ["footer" "foot" "bottom" "copyright" "legal" "imprint" "colophon" "stopka" "contentinfo"];
    HEADER = 2: ["header" "masthead" "logo" "topline" "naglowek"];
    SIDEBAR = 3: ["sidebar" "side" "aside" "rightcol" "leftcol" "rightcolumn" "leftcolumn" "col-right" "col-left" "widget"
        "widgets" "rail" "right" "left" "complementary" "colright" "colleft" "right-col" "left-col" "sidecol"];
    COMMENT = 4: ["comment" "comments" "disqus" "reply" "replies" "respond" "livefyre" "komentarz" "komentarze" "kommentar"
        "pinglun" "opinie"];
    RELATED = 5: ["related" "recommend" "recommended" "similar" "morenews" "readmore" "read-more" "more" "popular" "most"
        "mostread" "trending" "latest" "recent" "teaser" "teasers" "also" "outbrain" "taboola" "headlines" "hot" "ranking"
        "powiazane" "carousel" "suggest" "suggested" "xgyd" "topnews" "lastnews" "othernews" "archive" "relative"];
    SHARE = 6: ["share" "sharing" "sharebar" "social" "facebook" "twitter" "addthis" "bookmark" "tools" "actions" "print"
        "email" "mail" "rss" "follow" "vote" "votes" "voting" "rating" "rate" "poll" "likes" "button" "buttons" "fenxiang"];
    AD = 7: ["ad" "ads" "adv" "advert" "advertisement" "adsense" "dfp" "sponsor" "sponsored" "reklama" "banner" "promo"
        "promotion" "promoted" "commercial" "googlead" "guanggao" "donate" "shop" "jobs"];
    META = 8: ["byline" "author" "date" "time" "published" "pubdate" "timestamp" "meta" "info" "tags" "tag" "category"
        "categories" "keywords" "credit" "credits" "source" "bio" "autor" "datetime" "taglist" "labels" "about"];
    PICTURE = 9: ["caption" "photo" "photos" "image" "gallery" "slideshow" "video" "thumb" "thumbnail" "media" "player"
        "foto" "picture" "img" "pic" "wp-caption" "galeria"];
    DIALOG = 10: ["cookie" "cookies" "consent" "gdpr" "modal" "popup" "overlay" "newsletter" "subscribe" "subscription"
        "signup" "login" "register" "search" "paywall" "signin" "alert" "notice" "error" "warning" "noprint" "skip"];
    CONTENT = 11: ["content" "story" "entry" "post" "body" "text" "main" "detail" "details" "news" "tresc" "maincontent"
        "primary" "page"];
    ARTICLE = 12: ["article" "artykul" "hentry" "newsitem" "blogpost" "post-full"];
    /// The text itself, without what surrounds it.
    TEXT = 13: ["articlebody" "article-body" "article_body" "storybody" "story-body" "story_body" "entry-content"
        "post-content" "article-content" "article_content" "articletext" "article-text" "article_text" "post-body"
        "postbody" "post_body" "articlecontent" "newstext" "news-text" "news_text" "story-text" "storytext" "entry-body"
        "bodytext" "body-text" "content-body" "article__body" "article__content" "story-content" "endtext" "post-text"
        "text-body" "fulltext" "full-text" "arttext" "art-text" "text_content" "single-content" "newsbody"];
    TITLE = 14: ["title" "headline" "heading" "tytul" "subtitle"];
    LEAD = 15: ["lead" "intro" "standfirst" "deck" "summary" "excerpt" "lede" "dek" "description" "abstract" "zajawka"];
    LIST = 16: ["list" "items" "grid" "links" "link" "index" "box" "block" "module" "column" "col"];
    FORUM = 17: ["forum" "thread" "message" "question" "answer" "review" "reviews" "product"];
    FORMULA = 18: ["mwe-math-mathml-inline" "mwe-math-mathml-display" "mwe-math-mathml-a11y" "katex-mathml"
        "mjx-assistive-mml"];
    FORMULA_TWIN = 19: ["katex-html" "MathJax_Preview" "MathJax_SVG" "MathJax_CHTML" "mjx-chtml" "MathJax_Display"
        "mathjax-rendered"];
}

/// How many hints count towards a score.
pub(crate) const HINTS: usize = 18;

/// Letters of names that are read: longer ones are generated, or hostile.
const MAX_NAME: usize = 512;

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(WORDS.iter().map(|(word, _)| *word))
        .ok()
});

impl Hints {
    pub fn of(attributes: &Attributes, page: &[u8]) -> Self {
        let mut hints = Self::default();
        for name in [&b"class"[..], b"id", b"role", b"itemprop"] {
            if let Some(value) = attributes.get(page, name) {
                hints = hints.with(Self::in_name(&value[..value.len().min(MAX_NAME)]));
            }
        }
        hints
    }

    fn in_name(name: &[u8]) -> Self {
        let Some(search) = &*SEARCH else { return Self::default() };
        let mut hints = Self::default();
        for found in search.find_iter(name) {
            let (word, hint) = WORDS[found.pattern().as_usize()];
            if word.len() >= 5 || is_whole_word(name, found.start(), found.end()) {
                hints = hints.with(hint);
            }
        }
        hints
    }

    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn has(self, hint: Self) -> bool {
        self.0 & hint.0 != 0
    }

    /// What speaks for a container.
    pub fn without_doubt(self) -> Self {
        Self(self.0 & (Self::CONTENT.0 | Self::ARTICLE.0 | Self::TEXT.0 | Self::TITLE.0 | Self::LEAD.0))
    }

    pub fn bits(self) -> u32 {
        self.0
    }

    /// MathML that is hidden from eyes because a picture of it is shown.
    pub fn is_formula(self) -> bool {
        self.has(Self::FORMULA)
    }

    /// A formula's picture in letters, beside its MathML.
    pub fn is_formula_twin(self) -> bool {
        self.has(Self::FORMULA_TWIN)
    }
}

/// `leftNav`, `left-nav` and `nav2` hold `nav`; `navy` does not.
fn is_whole_word(name: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).map(|at| name[at]);
    let begins = before.is_none_or(|byte| {
        !byte.is_ascii_alphabetic() || byte.is_ascii_lowercase() && name[start].is_ascii_uppercase()
    });
    let ends = name.get(end).is_none_or(|byte| {
        !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() && name[end - 1].is_ascii_lowercase()
    });
    begins && ends
}

/// Whether an element says of itself that it is not shown.
pub(crate) fn is_hidden(attributes: &Attributes, page: &[u8]) -> bool {
    if attributes.get(page, b"hidden").is_some_and(|value| !value.eq_ignore_ascii_case(b"until-found")) {
        return true;
    }
    let Some(style) = attributes.get(page, b"style") else { return false };
    style.split(|byte| *byte == b';').any(|declaration| {
        let mut parts = declaration.splitn(2, |byte| *byte == b':').map(<[u8]>::trim_ascii);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return false };
        let value = value.split(|byte| matches!(byte, b' ' | b'!')).next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"display") && value.eq_ignore_ascii_case(b"none")
            || name.eq_ignore_ascii_case(b"visibility") && value.eq_ignore_ascii_case(b"hidden")
    })
}
