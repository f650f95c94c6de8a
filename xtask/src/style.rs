//! The style sheet: `style/main.css` with everything that it imports, in one file, without comments.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// An import chain this long goes in circles.
const MAX_IMPORT_DEPTH: usize = 8;

/// Reads `main` and puts every imported file in the place of its `@import`.
///
/// # Errors
/// If a file is missing, imports itself, or has an `@import` with more than a path and a `layer(…)`.
pub(crate) fn bundle(main: &Path) -> Result<String> {
    inline(main, 0)
}

fn inline(file: &Path, depth: usize) -> Result<String> {
    if depth > MAX_IMPORT_DEPTH {
        bail!("{} imports itself", file.display());
    }
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read the style {}", file.display()))?;
    let text = minify(&text);
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut whole = String::new();
    let mut rest = text.as_str();
    // Imports stand first; only these two may stand among them (CSS Cascading 5, section 2).
    while ["@import", "@charset", "@layer"].iter().any(|rule| rest.starts_with(rule)) {
        let Some(end) = rest.find([';', '{']).filter(|&end| rest[end..].starts_with(';')) else { break };
        let (statement, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(import) = statement.strip_prefix("@import") {
            let Import { path, layer } = Import::parse(import)
                .with_context(|| format!("{}: `{statement}` is not understood", file.display()))?;
            let imported = inline(&folder.join(path), depth + 1)?;
            match layer {
                Some(layer) => whole.push_str(&format!("@layer {layer}{{{imported}}}")),
                None => whole.push_str(&imported),
            }
        } else if statement.starts_with("@layer") {
            whole.push_str(statement);
            whole.push(';');
        }
    }
    if rest.contains("@import") {
        bail!("{}: an @import stands after a rule, where browsers ignore it", file.display());
    }
    whole.push_str(rest);
    Ok(whole)
}

struct Import<'a> {
    path: &'a str,
    layer: Option<&'a str>,
}

impl<'a> Import<'a> {
    /// What stands between `@import` and `;`.
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (path, conditions) = match text.strip_prefix("url(") {
            Some(rest) => rest.split_once(')')?,
            None => {
                let quote = text.chars().next().filter(|&c| c == '"' || c == '\'')?;
                text[1..].split_once(quote)?
            }
        };
        let path = path.trim_matches(['"', '\'']);
        let conditions = conditions.trim();
        let layer = match conditions {
            "" => None,
            _ => Some(conditions.strip_prefix("layer(")?.strip_suffix(')')?),
        };
        (!path.is_empty() && !path.contains("//") && !path.starts_with('/')).then_some(Self { path, layer })
    }
}

/// Takes out comments and the white space that means nothing. It does not touch what stands in quotes, and
/// leaves the space around `:`, which tells `a :hover` from `a:hover`.
fn minify(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut chars = css.chars().peekable();
    let mut space = false;
    while let Some(c) = chars.next() {
        if c == '/' && chars.peek() == Some(&'*') {
            chars.next();
            let mut last = ' ';
            for c in chars.by_ref() {
                if last == '*' && c == '/' {
                    break;
                }
                last = c;
            }
            space = true;
            continue;
        }
        if c.is_whitespace() {
            space = true;
            continue;
        }
        let tight = |c: char| matches!(c, '{' | '}' | ';' | ',');
        if space && !tight(c) && out.chars().next_back().is_some_and(|last| !tight(last)) {
            out.push(' ');
        }
        space = false;
        if c == '}' && out.ends_with(';') {
            out.pop();
        }
        out.push(c);
        if c == '"' || c == '\'' {
            copy_string(c, &mut chars, &mut out);
        }
    }
    out
}

/// Copies up to and with the closing quote; an escaped quote does not close.
fn copy_string(quote: char, chars: &mut impl Iterator<Item = char>, out: &mut String) {
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' {
            out.extend(chars.next());
        } else if c == quote {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_goes_and_what_means_something_stays() {
        let css = "/* tokens */\n:root {\n  --gap: 4px;  --empty: ;\n}\n\na :hover,\nb:hover { margin: 0 calc(1px + 2px); }\n";
        assert_eq!(minify(css), ":root{--gap: 4px;--empty:}a :hover,b:hover{margin: 0 calc(1px + 2px)}");
    }

    #[test]
    fn quoted_text_is_left_alone() {
        let css = r#"a::before { content: "/*  }  \"  ; */"; } b { content: '  ' }"#;
        assert_eq!(minify(css), r#"a::before{content: "/*  }  \"  ; */"}b{content: '  '}"#);
    }

    #[test]
    fn imports_come_in_their_order_and_in_their_layer() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "main.css",
            "@layer base, page;\n@import './a.css' layer(base);\n@import url(\"b.css\");\nmain { x: y }",
        );
        write("a.css", "a { x: y }");
        write("b.css", "/* first */ @import \"c.css\";\nb { x: y }");
        write("c.css", "c { x: y }");
        assert_eq!(
            bundle(&folder.path().join("main.css")).unwrap(),
            "@layer base,page;@layer base{a{x: y}}c{x: y}b{x: y}main{x: y}"
        );
    }

    #[test]
    fn imports_that_cannot_be_followed_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main.css");
        for css in [
            "@import 'main.css';",
            "@import 'missing.css';",
            "@import url(https://example.org/a.css);",
            "@import 'a.css' screen;",
            "a { x: y } @import 'a.css';",
        ] {
            fs::write(&main, css).unwrap();
            assert!(bundle(&main).is_err(), "{css}");
        }
    }
}
