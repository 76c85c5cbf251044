//! Go's `fmt`: `Sprint`, `Sprintln` and `Sprintf` over template values.

use model::labels::Quoted;

use crate::value::Value;
use crate::{date, decimal};

/// Widths and precisions above this are refused, as Go refuses those above a million.
const MAX_WIDTH: i64 = 10_000;

/// The error of a text beyond the limit.
pub(crate) fn too_long(limit: usize) -> String {
    format!("the text is longer than {limit} bytes")
}

/// What an action writes for its value.
pub(crate) fn printed(value: &Value, limit: usize) -> Result<String, String> {
    match value {
        Value::Nil => Ok("<no value>".to_owned()),
        Value::Str(text) => Ok(text.to_string()),
        value => sprint(std::slice::from_ref(value), limit),
    }
}

/// The values, with a space between two that are no texts.
pub(crate) fn sprint(values: &[Value], limit: usize) -> Result<String, String> {
    let mut printer = Printer::new(limit);
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::Str(_));
        if !is_text && !after_text {
            printer.out.push(' ');
        }
        printer.value(value, 'v');
        after_text = is_text;
        printer.check()?;
    }
    Ok(printer.out)
}

/// The values with a space between all, and a line feed.
pub(crate) fn sprintln(values: &[Value], limit: usize) -> Result<String, String> {
    let mut printer = Printer::new(limit);
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            printer.out.push(' ');
        }
        printer.value(value, 'v');
        printer.check()?;
    }
    printer.out.push('\n');
    Ok(printer.out)
}

/// The format with its verbs replaced; what does not fit is said in place, as Go says it.
pub(crate) fn sprintf(format: &str, values: &[Value], limit: usize) -> Result<String, String> {
    let mut run = Run { printer: Printer::new(limit), values, next: 0, reordered: false };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        run.printer.out.push_str(&rest[..at]);
        rest = run.directive(&rest[at + 1..]);
        run.printer.check()?;
    }
    run.printer.out.push_str(rest);
    run.extra();
    run.printer.check()?;
    Ok(run.printer.out)
}

/// A text in backquotes if it can be, in double quotes otherwise.
pub(crate) fn backquoted(text: &str) -> String {
    if text.chars().any(|c| c == '`' || c == '\u{feff}' || (c.is_control() && c != '\t')) {
        return Quoted(text).to_string();
    }
    format!("`{text}`")
}

/// One `Sprintf`: the values and which comes next.
struct Run<'v> {
    printer: Printer,
    values: &'v [Value],
    next: usize,
    /// Whether the format chose values by number; then those left over are no mistake.
    reordered: bool,
}

impl Run<'_> {
    /// What follows a `%`. Returns what follows the directive.
    fn directive<'f>(&mut self, text: &'f str) -> &'f str {
        let mut spec = Spec::default();
        let mut rest = text.trim_start_matches(['#', '0', '+', '-', ' ']);
        for flag in text[..text.len() - rest.len()].chars() {
            spec.set(flag);
        }
        let mut good = self.choose(&mut rest);
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            spec.width = self.star("%!(BADWIDTH)").map(|width| {
                spec.minus |= width < 0;
                usize::try_from(width.unsigned_abs()).unwrap_or(0)
            });
            good = self.choose(&mut rest) && good;
        } else {
            spec.width = number(&mut rest);
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            good = self.choose(&mut rest) && good;
            if let Some(after) = rest.strip_prefix('*') {
                rest = after;
                let precision = self.star("%!(BADPREC)");
                spec.precision = precision.and_then(|p| usize::try_from(p).ok());
            } else {
                spec.precision = Some(number(&mut rest).unwrap_or(0));
            }
        }
        good = self.choose(&mut rest) && good;
        spec.zero &= !spec.minus;
        let Some(verb) = rest.chars().next() else {
            self.printer.out.push_str("%!(NOVERB)");
            return rest;
        };
        self.printer.spec = spec;
        match (verb, self.values.get(self.next)) {
            ('%', _) => self.printer.out.push('%'),
            _ if !good => self.printer.out.push_str(&format!("%!{verb}(BADINDEX)")),
            (_, None) => self.printer.out.push_str(&format!("%!{verb}(MISSING)")),
            (_, Some(value)) => {
                self.next += 1;
                self.printer.value(value, verb);
            }
        }
        self.printer.spec = Spec::default();
        &rest[verb.len_utf8()..]
    }

    /// Reads `[2]` and makes that value the next; `false` if there is no such value.
    fn choose(&mut self, rest: &mut &str) -> bool {
        let Some(inside) = rest.strip_prefix('[') else { return true };
        self.reordered = true;
        let Some((index, after)) = inside.split_once(']') else {
            *rest = inside;
            return false;
        };
        *rest = after;
        match index.parse::<usize>() {
            Ok(index) if (1..=self.values.len()).contains(&index) => {
                self.next = index - 1;
                true
            }
            _ => false,
        }
    }

    /// The whole number that a `*` takes from the values.
    fn star(&mut self, complaint: &str) -> Option<i64> {
        let value = self.values.get(self.next);
        self.next += usize::from(value.is_some());
        match value {
            Some(Value::Int(number)) if number.abs() <= MAX_WIDTH => Some(*number),
            _ => {
                self.printer.out.push_str(complaint);
                None
            }
        }
    }

    fn extra(&mut self) {
        if self.reordered || self.next >= self.values.len() {
            return;
        }
        self.printer.out.push_str("%!(EXTRA ");
        for (i, value) in self.values[self.next..].iter().enumerate() {
            if i > 0 {
                self.printer.out.push_str(", ");
            }
            self.printer.out.push_str(value.type_name());
            if !matches!(value, Value::Nil) {
                self.printer.out.push('=');
                self.printer.value(value, 'v');
            }
        }
        self.printer.out.push(')');
    }
}

/// The digits that stand here, as a number not above the limit.
fn number(rest: &mut &str) -> Option<usize> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at(digits);
    let number = number.parse::<i64>().ok().filter(|number| *number <= MAX_WIDTH)?;
    *rest = after;
    usize::try_from(number).ok()
}

/// Flags, width and precision of one directive.
#[derive(Clone, Copy, Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Spec {
    fn set(&mut self, flag: char) {
        match flag {
            '-' => self.minus = true,
            '+' => self.plus = true,
            '#' => self.sharp = true,
            ' ' => self.space = true,
            _ => self.zero = true,
        }
    }
}

/// Writes values under one directive.
struct Printer {
    out: String,
    limit: usize,
    spec: Spec,
}

impl Printer {
    fn new(limit: usize) -> Self {
        Self { out: String::new(), limit, spec: Spec::default() }
    }

    fn check(&self) -> Result<(), String> {
        if self.out.len() > self.limit { Err(too_long(self.limit)) } else { Ok(()) }
    }

    fn value(&mut self, value: &Value, verb: char) {
        if verb == 'T' {
            return self.text(value.type_name(), 's');
        }
        match (value, verb) {
            (Value::Nil, 'v') => self.pad("<nil>"),
            (Value::Bool(value), 'v' | 't') => self.pad(if *value { "true" } else { "false" }),
            (Value::Int(value), 'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'q' | 'U') => {
                self.integer(*value, verb);
            }
            (Value::Float(value), 'v') => self.float(*value, 'g'),
            (Value::Float(value), 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'x' | 'X') => {
                self.float(*value, verb);
            }
            (Value::Str(text), 'v' | 's' | 'q' | 'x' | 'X') => self.text(text, verb),
            (Value::Time(ms), 'v' | 's' | 'q' | 'x' | 'X') => self.text(&date::written(*ms), verb),
            (Value::Duration(ns), 'v' | 's' | 'q') => self.text(&date::duration(*ns), verb),
            (Value::Duration(ns), 'd') => self.integer(*ns, verb),
            (Value::Labels(labels), _) => {
                let pairs = labels.iter().map(|(name, value)| (name, Value::str(value)));
                self.map(pairs, verb);
            }
            (Value::Map(map), _) => {
                let pairs = map.entries.iter().map(|(name, value)| (name.as_str(), value.clone()));
                self.map(pairs, verb);
            }
            (Value::Vector(elements), _) => {
                let elements = elements.iter().map(|e| ("", Value::Sample(e.clone())));
                self.list('[', elements, false, verb);
            }
            (Value::Sample(_), _) => self.fields(value, &["Labels", "Value"], verb),
            (Value::Root(_), _) => {
                let names = ["Labels", "ExternalLabels", "ExternalURL", "Value"];
                self.fields(value, &names, verb);
            }
            _ => self.misfit(value, verb),
        }
    }

    fn misfit(&mut self, value: &Value, verb: char) {
        self.out.push_str(&format!("%!{verb}({}", value.type_name()));
        if !matches!(value, Value::Nil) {
            self.out.push('=');
            self.value(value, 'v');
        }
        self.out.push(')');
    }

    fn map<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, Value)>, verb: char) {
        self.out.push_str("map");
        self.list('[', pairs, true, verb);
    }

    fn fields(&mut self, value: &Value, names: &[&str], verb: char) {
        let fields = names.iter().map(|name| (*name, value.field(name).unwrap_or(Value::Nil)));
        self.list('{', fields, self.spec.plus, verb);
    }

    /// Values in brackets or braces, each under the same directive.
    fn list<'a>(
        &mut self,
        open: char,
        items: impl Iterator<Item = (&'a str, Value)>,
        named: bool,
        verb: char,
    ) {
        self.out.push(open);
        for (i, (name, item)) in items.enumerate() {
            if self.out.len() > self.limit {
                return;
            }
            if i > 0 {
                self.out.push(' ');
            }
            if named && open == '[' {
                self.text(name, verb);
                self.out.push(':');
            } else if named {
                self.out.push_str(&format!("{name}:"));
            }
            self.value(&item, verb);
        }
        self.out.push(if open == '[' { ']' } else { '}' });
    }

    fn text(&mut self, text: &str, verb: char) {
        let cut = self.spec.precision.and_then(|p| text.char_indices().nth(p));
        let hexadecimal = matches!(verb, 'x' | 'X');
        let text = cut.filter(|_| !hexadecimal).map_or(text, |(end, _)| &text[..end]);
        match verb {
            'q' if self.spec.sharp => self.pad(&backquoted(text)),
            'q' => self.pad(&Quoted(text).to_string()),
            'x' | 'X' => {
                let bytes = text.bytes().take(self.spec.precision.unwrap_or(usize::MAX));
                let parts: Vec<String> = bytes.map(|byte| format!("{byte:02x}")).collect();
                let text = parts.join(if self.spec.space { " " } else { "" });
                let text = if self.spec.sharp { format!("0x{text}") } else { text };
                self.pad(&if verb == 'X' { text.to_uppercase() } else { text });
            }
            _ => self.pad(text),
        }
    }

    fn integer(&mut self, value: i64, verb: char) {
        let size = value.unsigned_abs();
        let mut digits = match verb {
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'U' => return self.pad(&format!("U+{value:04X}")),
            'c' => return self.pad(&letter(value).to_string()),
            'q' => return self.pad(&format!("'{}'", letter(value).escape_debug())),
            _ => size.to_string(),
        };
        let sign = sign(value < 0, self.spec);
        let zeros = match (self.spec.precision, self.spec.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if self.spec.zero => width - sign.len().min(width),
            _ => 0,
        };
        if self.spec.precision == Some(0) && value == 0 {
            digits.clear();
        }
        digits = format!("{digits:0>zeros$}");
        let prefix = match verb {
            'O' => "0o",
            'b' if self.spec.sharp => "0b",
            'o' if self.spec.sharp => "0",
            'x' if self.spec.sharp => "0x",
            'X' if self.spec.sharp => "0X",
            _ => "",
        };
        self.spec.zero = false;
        self.pad(&format!("{sign}{prefix}{digits}"));
    }

    fn float(&mut self, value: f64, verb: char) {
        let sign = sign(value.is_sign_negative() && !value.is_nan(), self.spec);
        if !value.is_finite() {
            self.spec.zero = false;
            let (word, sign) = match sign {
                "" if value.is_nan() => ("NaN", ""),
                "" => ("Inf", "+"),
                sign => (if value.is_nan() { "NaN" } else { "Inf" }, sign),
            };
            return self.pad(&format!("{sign}{word}"));
        }
        let kind = verb.to_ascii_lowercase();
        let default = if matches!(kind, 'e' | 'f') { Some(6) } else { None };
        let mut digits = decimal::digits(value, kind, self.spec.precision.or(default));
        if matches!(verb, 'E' | 'G' | 'X') {
            digits = digits.to_uppercase();
        }
        if self.spec.zero {
            // The sign comes before the zeros.
            let zeros = self.spec.width.unwrap_or(0).saturating_sub(sign.len());
            digits = format!("{digits:0>zeros$}");
        }
        self.pad(&format!("{sign}{digits}"));
    }

    fn pad(&mut self, text: &str) {
        let missing = self.spec.width.unwrap_or(0).saturating_sub(text.chars().count());
        let with = if self.spec.zero { "0" } else { " " };
        if self.spec.minus {
            self.out.push_str(text);
            self.out.push_str(&" ".repeat(missing));
        } else {
            self.out.push_str(&with.repeat(missing));
            self.out.push_str(text);
        }
    }
}

fn sign(negative: bool, spec: Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, _, _) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

fn letter(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
}
