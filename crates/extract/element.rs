//! The elements that text depends on, and what each does to it.

/// An element's name. What is in no list is `Other`: shown in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[rustfmt::skip]
pub(crate) enum Element {
    Other,
    // Transparent: their tags change nothing.
    Html, Head, Body,
    // In line.
    A, Inline, Sup, Sub, Q, Abbr, Label, Code, Time,
    // No content.
    Br, Wbr, Hr, Img, Input, Meta, OtherVoid,
    // Raw text.
    Script, Style, Noscript, Iframe, Textarea, Title, Xmp, Plaintext,
    // Never shown.
    Template, Svg, Select, Option, Media, Button,
    Math,
    // Blocks.
    P, Div, Section, Article, Main, Nav, Aside, Header, Footer, Form, Fieldset, Details, Summary, Figure, Figcaption,
    Address, Blockquote, Pre, Center, H1, H2, H3, H4, H5, H6, Ul, Ol, Menu, Li, Dl, Dt, Dd,
    Table, Caption, Thead, Tbody, Tfoot, Tr, Td, Th, OtherBlock,
}

pub(crate) const ELEMENTS: usize = Element::OtherBlock as usize + 1;

impl Element {
    /// The element of a name in any case.
    pub fn of(name: &[u8]) -> Self {
        let mut lower = [0u8; 12];
        let Some(target) = lower.get_mut(..name.len()) else { return Self::Other };
        target.copy_from_slice(name);
        target.make_ascii_lowercase();
        match &*target {
            b"html" => Self::Html,
            b"head" => Self::Head,
            b"body" => Self::Body,
            b"a" => Self::A,
            b"b" | b"i" | b"em" | b"strong" | b"span" | b"font" | b"u" | b"s" | b"small" | b"big" | b"tt"
            | b"strike" | b"nobr" | b"mark" | b"cite" | b"ins" | b"del" => Self::Inline,
            b"sup" => Self::Sup,
            b"sub" => Self::Sub,
            b"q" => Self::Q,
            b"abbr" => Self::Abbr,
            b"label" => Self::Label,
            b"code" | b"kbd" | b"samp" | b"var" => Self::Code,
            b"time" => Self::Time,
            b"br" => Self::Br,
            b"wbr" => Self::Wbr,
            b"hr" => Self::Hr,
            b"img" | b"image" => Self::Img,
            b"input" => Self::Input,
            b"meta" => Self::Meta,
            b"area" | b"base" | b"basefont" | b"bgsound" | b"col" | b"embed" | b"frame" | b"keygen"
            | b"link" | b"param" | b"source" | b"track" => Self::OtherVoid,
            b"script" => Self::Script,
            b"style" => Self::Style,
            b"noscript" => Self::Noscript,
            b"iframe" | b"noembed" | b"noframes" => Self::Iframe,
            b"textarea" => Self::Textarea,
            b"title" => Self::Title,
            b"xmp" => Self::Xmp,
            b"plaintext" => Self::Plaintext,
            b"template" => Self::Template,
            b"svg" => Self::Svg,
            b"select" | b"datalist" => Self::Select,
            b"option" | b"optgroup" => Self::Option,
            b"audio" | b"video" | b"canvas" | b"object" | b"applet" => Self::Media,
            b"button" => Self::Button,
            b"math" => Self::Math,
            b"p" => Self::P,
            b"div" => Self::Div,
            b"section" => Self::Section,
            b"article" => Self::Article,
            b"main" => Self::Main,
            b"nav" => Self::Nav,
            b"aside" => Self::Aside,
            b"header" => Self::Header,
            b"footer" => Self::Footer,
            b"form" => Self::Form,
            b"fieldset" => Self::Fieldset,
            b"details" => Self::Details,
            b"summary" => Self::Summary,
            b"figure" => Self::Figure,
            b"figcaption" => Self::Figcaption,
            b"address" => Self::Address,
            b"blockquote" => Self::Blockquote,
            b"pre" | b"listing" => Self::Pre,
            b"center" => Self::Center,
            b"h1" => Self::H1,
            b"h2" => Self::H2,
            b"h3" => Self::H3,
            b"h4" => Self::H4,
            b"h5" => Self::H5,
            b"h6" => Self::H6,
            b"ul" | b"dir" => Self::Ul,
            b"ol" => Self::Ol,
            b"menu" => Self::Menu,
            b"li" => Self::Li,
            b"dl" => Self::Dl,
            b"dt" => Self::Dt,
            b"dd" => Self::Dd,
            b"table" => Self::Table,
            b"caption" => Self::Caption,
            b"thead" => Self::Thead,
            b"tbody" => Self::Tbody,
            b"tfoot" => Self::Tfoot,
            b"tr" => Self::Tr,
            b"td" => Self::Td,
            b"th" => Self::Th,
            b"hgroup" | b"search" | b"dialog" | b"legend" | b"frameset" | b"marquee" | b"optgroups" => {
                Self::OtherBlock
            }
            _ => Self::Other,
        }
    }

    /// Begins a line and ends one.
    pub fn is_block(self) -> bool {
        self >= Self::P
    }

    pub fn is_void(self) -> bool {
        (Self::Br..=Self::OtherVoid).contains(&self)
    }

    /// Content up to the end tag is text, whatever it looks like.
    pub fn is_raw(self) -> bool {
        (Self::Script..=Self::Plaintext).contains(&self)
    }

    /// Content is parsed and not shown.
    pub fn is_unshown(self) -> bool {
        (Self::Template..=Self::Media).contains(&self)
    }

    /// How a heading ranks; 0 for what is none.
    pub fn heading(self) -> u8 {
        if (Self::H1..=Self::H6).contains(&self) { self as u8 - Self::H1 as u8 + 1 } else { 0 }
    }

    pub fn is_cell(self) -> bool {
        matches!(self, Self::Td | Self::Th | Self::Caption)
    }

    /// An open element of this kind ends where one of kind `next` begins, as far out as `bound` allows.
    pub fn is_ended_by(self, next: Self) -> bool {
        match next {
            Self::Li => self == Self::Li,
            Self::Dt | Self::Dd => matches!(self, Self::Dt | Self::Dd),
            Self::Option => self == Self::Option,
            Self::A => self == Self::A,
            Self::Button => self == Self::Button,
            Self::Td | Self::Th => self.is_cell(),
            Self::Tr => self.is_cell() || self == Self::Tr,
            Self::Thead | Self::Tbody | Self::Tfoot | Self::Caption => {
                self.is_cell() || matches!(self, Self::Tr | Self::Thead | Self::Tbody | Self::Tfoot)
            }
            _ => false,
        }
    }

    /// The search for an element that `next` ends stops at an element of this kind.
    pub fn bounds(self, next: Self) -> bool {
        match next {
            Self::Li => matches!(self, Self::Ul | Self::Ol | Self::Menu) || self.is_scope(),
            Self::Dt | Self::Dd => self == Self::Dl || self.is_scope(),
            Self::A | Self::Button => self.is_scope(),
            Self::Option => self == Self::Select,
            _ => self == Self::Table || self == Self::Template,
        }
    }

    /// What an end tag inside does not reach beyond.
    pub fn is_scope(self) -> bool {
        self.is_cell() || matches!(self, Self::Table | Self::Template | Self::Math | Self::Svg)
    }
}
