//! The parser: tokens to the tree, in the order and words of Go's.
//!
//! Functions and variables are looked up here, so that a template which can be read can only fail
//! on its values. Errors name the line of the token that was read last.

use std::collections::HashSet;

use model::labels::Quoted;

use crate::Limits;
use crate::functions::{self, Function};
use crate::literal;
use crate::token::{Kind, Token, tokens};
use crate::tree::{Branch, Call, Command, Node, Operand, Pipe, Templates, Term};
use crate::value::Value;

/// Reads all templates in `text`; the one called `name` is the text itself.
pub(crate) fn parse(name: &str, text: &str) -> Result<Templates, String> {
    let mut parser = Parser {
        text,
        tokens: tokens(text),
        next: 0,
        variables: vec!["$".to_owned()],
        ranges: 0,
        depth: 0,
        action_line: None,
        templates: Templates::new(),
        filled: HashSet::new(),
    };
    match parser.whole_text() {
        Ok(root) => {
            parser.templates.insert(name.to_owned(), root);
            Ok(parser.templates)
        }
        Err(message) => Err(format!("template: {name}:{}: {message}", parser.line())),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    /// The token to read next.
    next: usize,
    /// The variables in scope, by name with the dollar.
    variables: Vec<String>,
    /// How many `range` are open here.
    ranges: usize,
    depth: usize,
    /// Where the action that is being read began.
    action_line: Option<usize>,
    templates: Templates,
    /// The names of those templates that have more than space in them.
    filled: HashSet<String>,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::End { "{{end}}" } else { "{{else}}" })
    }
}

/// A node, or the end of the list.
enum Item {
    Node(Node),
    End(End),
}

impl<'t> Parser<'t> {
    fn whole_text(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::End {
            let before = self.next;
            if self.read().kind == Kind::LeftDelim && is_word(&self.read_no_space(), "define") {
                self.definition()?;
                continue;
            }
            self.next = before;
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Err(format!("unexpected {end}")),
            }
        }
        Ok(nodes)
    }

    fn definition(&mut self) -> Result<(), String> {
        let context = "define clause";
        let name = self.template_name(context)?;
        self.expect_right_delim(context)?;
        self.separate_template(name, context)
    }

    /// Reads a template up to its end; it does not see the variables around it.
    fn separate_template(&mut self, name: String, context: &str) -> Result<(), String> {
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let outer_ranges = std::mem::take(&mut self.ranges);
        let (nodes, end) = self.list()?;
        if end != End::End {
            return Err(format!("unexpected {end} in {context}"));
        }
        self.variables = outer;
        self.ranges = outer_ranges;
        let blank = nodes.iter().all(|n| matches!(n, Node::Text(text) if text.trim().is_empty()));
        if !blank && !self.filled.insert(name.clone()) {
            return Err(format!("template: multiple definition of template {}", Quoted(&name)));
        }
        if !blank || !self.templates.contains_key(&name) {
            self.templates.insert(name, nodes);
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(Vec<Node>, End), String> {
        self.enter()?;
        let mut nodes = Vec::new();
        while self.peek_no_space().kind != Kind::End {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => {
                    self.depth -= 1;
                    return Ok((nodes, end));
                }
            }
        }
        self.read();
        Err("unexpected EOF".to_owned())
    }

    fn text_or_action(&mut self) -> Result<Item, String> {
        let token = self.read_no_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.to_owned()))),
            Kind::LeftDelim => {
                self.action_line = Some(self.line());
                let item = self.action();
                if item.is_ok() {
                    self.action_line = None;
                }
                item
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item, String> {
        let token = self.read_no_space();
        let word = if token.kind == Kind::Keyword { token.text } else { "" };
        let node = match word {
            "if" => Node::If(self.control("if")?),
            "with" => Node::With(self.control("with")?),
            "range" => Node::Range(self.control("range")?),
            "block" => self.block()?,
            "template" => self.call()?,
            "break" | "continue" => self.jump(word)?,
            "end" => {
                self.expect_right_delim("end")?;
                return Ok(Item::End(End::End));
            }
            "else" => {
                let chained = self.peek_no_space();
                if !is_word(&chained, "if") && !is_word(&chained, "with") {
                    self.expect_right_delim("else")?;
                }
                return Ok(Item::End(End::Else));
            }
            _ => {
                self.next -= 1;
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, word: &str) -> Result<Node, String> {
        let token = self.read_no_space();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(&token, &format!("{{{{{word}}}}}")));
        }
        if self.ranges == 0 {
            return Err(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(if word == "break" { Node::Break } else { Node::Continue })
    }

    fn control(&mut self, context: &str) -> Result<Branch, String> {
        self.enter()?;
        let scope = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let range = usize::from(context == "range");
        self.ranges += range;
        let (body, end) = self.list()?;
        self.ranges -= range;
        let mut otherwise = Vec::new();
        if end == End::Else {
            // `{{else if}}` is an `if` in the else part that shares the end.
            if context != "range" && is_word(&self.peek(), context) {
                self.read();
                let branch = self.control(context)?;
                let nested = if context == "if" { Node::If(branch) } else { Node::With(branch) };
                otherwise.push(nested);
            } else {
                let end;
                (otherwise, end) = self.list()?;
                if end != End::End {
                    return Err(format!("expected end; found {end}"));
                }
            }
        }
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(Branch { pipe, body, otherwise })
    }

    fn block(&mut self) -> Result<Node, String> {
        let context = "block clause";
        let pos = self.peek_no_space().pos;
        let name = self.template_name(context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.separate_template(name.clone(), context)?;
        Ok(Node::Template(Call { pos, name, pipe: Some(pipe) }))
    }

    fn call(&mut self) -> Result<Node, String> {
        let context = "template clause";
        let pos = self.peek_no_space().pos;
        let name = self.template_name(context)?;
        let mut pipe = None;
        if self.read_no_space().kind != Kind::RightDelim {
            self.next -= 1;
            pipe = Some(self.pipeline(context, Kind::RightDelim)?);
        }
        Ok(Node::Template(Call { pos, name, pipe }))
    }

    fn template_name(&mut self, context: &str) -> Result<String, String> {
        let token = self.read_no_space();
        match token.kind {
            Kind::String | Kind::RawString => literal::string(token.text),
            _ => Err(self.unexpected(&token, context)),
        }
    }

    /// Reads a pipeline with the token that ends it.
    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, String> {
        self.enter()?;
        let pos = self.peek_no_space().pos;
        let (declared, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.read_no_space();
            if token.kind == end {
                break;
            }
            if !starts_operand(token.kind) {
                return Err(self.unexpected(&token, context));
            }
            self.next -= 1;
            commands.push(self.command()?);
        }
        if commands.is_empty() {
            return Err(format!("missing value for {context}"));
        }
        if let Some(stage) = commands.iter().skip(1).position(|c| is_constant(&c.operands[0])) {
            return Err(format!("non executable command in pipeline stage {}", stage + 2));
        }
        self.depth -= 1;
        Ok(Pipe { pos, declared, assigns, commands })
    }

    /// The `$x :=`, `$x =` or `$x, $y :=` that a pipeline may begin with.
    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool), String> {
        let mut declared = Vec::new();
        loop {
            let before = self.next;
            let variable = self.read_no_space();
            if variable.kind != Kind::Variable {
                self.next = before;
                return Ok((declared, false));
            }
            let operator = self.read_no_space();
            let comma = operator.kind == Kind::Char && operator.text == ",";
            if !comma && !matches!(operator.kind, Kind::Assign | Kind::Declare) {
                self.next = before;
                return Ok((declared, false));
            }
            declared.push(variable.text.to_owned());
            self.variables.push(variable.text.to_owned());
            if !comma {
                return Ok((declared, operator.kind == Kind::Assign));
            }
            if context != "range" || declared.len() > 1 {
                return Err(format!("too many declarations in {context}"));
            }
            let next = self.peek_no_space().kind;
            if !matches!(next, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return Err("range can only initialize variables".to_owned());
            }
        }
    }

    fn command(&mut self) -> Result<Command, String> {
        let pos = self.peek_no_space().pos;
        let mut operands = Vec::new();
        loop {
            self.peek_no_space();
            operands.extend(self.operand()?);
            let token = self.read();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.next -= 1,
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if operands.is_empty() {
            return Err("empty command".to_owned());
        }
        Ok(Command { pos, operands })
    }

    /// A term and the fields behind it, if one stands here.
    fn operand(&mut self) -> Result<Option<Operand>, String> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(operand));
        }
        let pos = self.peek().pos;
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            names.push(self.read().text[1..].to_owned());
        }
        match &mut operand.term {
            Term::Field(own) | Term::Variable(_, own) => {
                own.append(&mut names);
                operand.pos = pos;
            }
            Term::Bool(_) | Term::Str(..) | Term::Number(..) | Term::Nil | Term::Dot => {
                let term = operand.to_string();
                return Err(format!("unexpected . after term {}", Quoted(&term)));
            }
            _ => return Ok(Some(Operand { pos, term: Term::Chain(Box::new(operand), names) })),
        }
        Ok(Some(operand))
    }

    fn term(&mut self) -> Result<Option<Operand>, String> {
        let token = self.read_no_space();
        let text = token.text;
        let term = match token.kind {
            Kind::Identifier => Term::Function(function(text)?),
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Bool => Term::Bool(text == "true"),
            Kind::Variable if self.variables.iter().any(|v| v == text) => {
                Term::Variable(text.to_owned(), Vec::new())
            }
            Kind::Variable => return Err(format!("undefined variable {}", Quoted(text))),
            Kind::Field => Term::Field(vec![text[1..].to_owned()]),
            Kind::CharConstant => Term::Number(text.to_owned(), Some(literal::character(text)?)),
            Kind::Number | Kind::Complex => Term::Number(text.to_owned(), literal::number(text)?),
            Kind::String | Kind::RawString => {
                Term::Str(text.to_owned(), Value::str(literal::string(text)?))
            }
            Kind::LeftParen => {
                Term::Pipe(self.pipeline("parenthesized pipeline", Kind::RightParen)?)
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Operand { pos: token.pos, term }))
    }

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > Limits::WRITTEN_DEPTH {
            return Err(format!("nested deeper than {} levels", Limits::WRITTEN_DEPTH));
        }
        Ok(())
    }

    fn expect_right_delim(&mut self, context: &str) -> Result<(), String> {
        let token = self.read_no_space();
        match token.kind {
            Kind::RightDelim => Ok(()),
            _ => Err(self.unexpected(&token, context)),
        }
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> String {
        if token.kind != Kind::Error {
            return format!("unexpected {token} in {context}");
        }
        match self.action_line {
            Some(line) if line != self.line() => {
                let action = if token.message.ends_with(" action") { "" } else { " in action" };
                format!("{token}{action} started at line {line}")
            }
            _ => token.to_string(),
        }
    }

    /// The line of the token that was read last.
    fn line(&self) -> usize {
        let pos = self.tokens[self.next.saturating_sub(1)].pos;
        1 + self.text[..pos].matches('\n').count()
    }

    fn peek(&self) -> Token<'t> {
        self.tokens[self.next.min(self.tokens.len() - 1)].clone()
    }

    /// The last token is read again and again.
    fn read(&mut self) -> Token<'t> {
        let token = self.peek();
        self.next += 1;
        if self.next > self.tokens.len() {
            self.next = self.tokens.len();
        }
        token
    }

    fn peek_no_space(&mut self) -> Token<'t> {
        while self.peek().kind == Kind::Space {
            self.read();
        }
        self.peek()
    }

    fn read_no_space(&mut self) -> Token<'t> {
        self.peek_no_space();
        self.read()
    }
}

fn function(name: &str) -> Result<&'static Function, String> {
    functions::find(name).ok_or_else(|| format!("function {} not defined", Quoted(name)))
}

fn is_word(token: &Token<'_>, word: &str) -> bool {
    token.kind == Kind::Keyword && token.text == word
}

fn starts_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::CharConstant
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::RawString
            | Kind::String
            | Kind::Variable
            | Kind::LeftParen
    )
}

fn is_constant(operand: &Operand) -> bool {
    matches!(operand.term, Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(..) | Term::Str(..))
}
