//! Pages made to be slow, deep or large.

/// One page of about a given number of bytes.
pub type Make = fn(usize) -> String;

fn repeat(part: &str, bytes: usize) -> String {
    part.repeat(bytes / part.len() + 1)
}

/// What is known to hurt readers of HTML.
pub const PAGES: &[(&str, Make)] = &[
    ("nothing but letters", |n| "a".repeat(n)),
    ("words", |n| repeat("word ", n)),
    ("empty lines", |n| "\n".repeat(n)),
    ("zero width", |n| repeat("\u{200b}", n)),
    ("open div", |n| repeat("<div>", n)),
    ("open div with text", |n| repeat("<div>a", n)),
    ("open span", |n| repeat("<span>a", n)),
    ("open b and close i", |n| format!("{}{}", repeat("<b>", n / 2), repeat("</i>", n / 2))),
    ("deep, then close", |n| format!("{}{}", repeat("<div>", n / 2), repeat("</div>", n / 2))),
    ("deep, then other ends", |n| {
        format!("<p><a>{}{}", repeat("<div>", 3000), repeat("</a></p></td></span>", n))
    }),
    ("links in deep blocks", |n| format!("{}{}", repeat("<div><i>", 5000), repeat("<a href=x>y</a>", n))),
    ("links never closed", |n| repeat("<a href=x>y", n)),
    ("list items", |n| repeat("<li>a", n)),
    ("items under deep blocks", |n| format!("<li><ul>{}{}", repeat("<div>", 2500), repeat("<li></li>", n))),
    ("nested lists", |n| repeat("<ul><li>a", n)),
    ("nested tables", |n| repeat("<table><tr><td>a", n)),
    ("table rows", |n| format!("<table>{}", repeat("<tr><td>a<td>b", n))),
    ("table without cells", |n| repeat("<table>", n)),
    ("paragraphs", |n| repeat("<p>Words, and more of them.</p>", n)),
    ("one letter blocks", |n| repeat("<p>a", n)),
    ("line breaks", |n| repeat("a<br>", n)),
    ("one tag of attributes", |n| format!("<p {}>a", repeat("a=b ", n))),
    ("one long class", |n| format!("<p class='{}'>a", repeat("sidebar ", n))),
    ("unclosed quote", |n| format!("a<p class='{}", repeat("<p>", n))),
    ("unclosed quotes", |n| repeat("<p a='", n)),
    ("unclosed comment", |n| format!("a<!--{}", repeat("- ", n))),
    ("dashes in a comment", |n| format!("a<!--{}", "-".repeat(n))),
    ("unclosed comments", |n| repeat("<!--", n)),
    ("comments", |n| repeat("<!-->", n)),
    ("CDATA", |n| repeat("<svg><![CDATA[", n)),
    ("unclosed script", |n| format!("a<script>{}", repeat("</scrip", n))),
    ("unclosed titles", |n| repeat("<title>a ", n)),
    ("title of words", |n| format!("<title>{}</title>{}", repeat("a ", n / 2), repeat("<p>a b ", n / 2))),
    ("entities", |n| repeat("&amp;", n)),
    ("ampersands", |n| "&".repeat(n)),
    ("endless number", |n| format!("&#{}", "0".repeat(n))),
    ("near entities", |n| repeat("&CounterClockwiseContourIntegra", n)),
    ("left angles", |n| "<".repeat(n)),
    ("ends of nothing", |n| repeat("</", n)),
    ("formulas", |n| repeat("<math><msup><mi>x</mi><mn>2</mn></msup></math>", n)),
    ("deep formula", |n| format!("<math>{}", repeat("<mfrac>", n))),
    ("preformatted", |n| format!("<pre>{}", repeat("a \n", n))),
    ("selects", |n| repeat("<select><option>", n)),
    ("templates", |n| repeat("<template>a", n)),
    ("headings", |n| repeat("<h1>a", n)),
    ("quotes", |n| repeat("<q>", n)),
    ("hidden", |n| repeat("<div hidden>a", n)),
];
