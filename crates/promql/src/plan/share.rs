//! Equal subtrees of a plan made one, which is evaluated once.
//!
//! Subtrees are equal if they do the same at the same steps, however they are written. Of equal
//! vectors only the outermost ones are shared: what is below them is evaluated once in any case. Each
//! place keeps where its own text stands, for annotations.

use std::fmt::Write;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::node::{Node, Op};
use crate::ast::{Expr, Span, ValueType};
use crate::eval::steps::Steps;
use crate::functions::Body;

/// A subtree that stands in several places.
#[derive(Clone, Debug)]
pub struct Shared<'e> {
    /// The subtree, as it stands in the first of them.
    pub node: Arc<Node<'e>>,
    /// In how many places it stands.
    pub places: usize,
    /// Whether this is the first of them, under which it is shown.
    pub is_first: bool,
    /// What stands where in the first place, and where in this one; empty in the first.
    pub spans: Vec<(Span, Span)>,
}

impl Shared<'_> {
    /// Where in this place stands what stands at `span` in the first one.
    pub fn place(&self, span: Span) -> Span {
        let moved = self.spans.iter().find(|(first, _)| *first == span);
        moved.map_or(span, |(_, here)| *here)
    }
}

/// Makes one of all equal vectors below `root`, which is evaluated at `steps`; `nodes` is the next
/// free number. Returns whether there are any.
pub(super) fn share(root: &mut Node<'_>, steps: Steps, nodes: &mut usize) -> bool {
    let mut classes = Classes::default();
    classes.class_of(root, steps);
    let mut counts: FxHashMap<usize, usize> = FxHashMap::default();
    count(root, &classes, &mut counts);
    counts.retain(|_, places| *places > 1);
    let any = !counts.is_empty();
    if any {
        replace(root, &classes, &counts, &mut FxHashMap::default(), nodes);
    }
    any
}

/// Numbers for what nodes do: equal for equal nodes, and for no others.
#[derive(Default)]
struct Classes {
    by_key: FxHashMap<String, usize>,
    by_node: FxHashMap<usize, usize>,
}

impl Classes {
    fn class_of(&mut self, node: &Node<'_>, steps: Steps) -> usize {
        let key = self.key(node, steps);
        let next = self.by_key.len();
        let class = *self.by_key.entry(key).or_insert(next);
        self.by_node.insert(node.id, class);
        class
    }

    /// Everything that decides what a node gives, operands as their numbers.
    fn key(&mut self, node: &Node<'_>, steps: Steps) -> String {
        let mut key = format!("{steps:?}");
        let mut add = |part: std::fmt::Arguments<'_>| {
            key.write_fmt(part).expect("a String takes everything");
        };
        match &node.op {
            Op::Number(value) => add(format_args!("number {}", value.to_bits())),
            Op::String(text) => add(format_args!("string {text:?}")),
            Op::Once(inner) => add(format_args!("once {}", self.class_of(inner, steps.first()))),
            Op::Negate(operand) => add(format_args!("negate {}", self.class_of(operand, steps))),
            Op::Binary(binary) => {
                let left = self.class_of(&binary.left, steps);
                let right = self.class_of(&binary.right, steps);
                let (op, scalars) = (binary.op, binary.scalars);
                let (matching, is_bool) = (binary.matching, binary.return_bool);
                add(format_args!("{op:?} {is_bool} {scalars:?} {matching:?} {left} {right}"));
            }
            Op::Aggregate(aggregate) => {
                let parameter = aggregate.parameter.as_ref().map(|(parameter, span)| {
                    (self.class_of(parameter, steps), parameter.span == *span)
                });
                let operand = self.class_of(&aggregate.operand, steps);
                let (op, without, grouping) = (aggregate.op, aggregate.without, aggregate.grouping);
                let bare = aggregate.operand.span == aggregate.span;
                add(format_args!("{op:?} {without} {grouping:?} {parameter:?} {operand} {bare}"));
            }
            Op::Call(call) => {
                add(format_args!("call {}", call.function.name));
                for (at, argument) in call.arguments.iter().enumerate() {
                    let written = call.call.arguments.get(at);
                    let bare = written.is_some_and(|written| written.span() == argument.span);
                    add(format_args!(" {} {bare}", self.class_of(argument, steps)));
                    // These look at how their arguments are written.
                    if let (Body::Special(_), Some(written)) = (&call.function.body, written) {
                        add(format_args!(" {written}"));
                    }
                }
            }
            Op::Select(select) => {
                let whole = super::SelectNode { span: Span::default(), ..(**select).clone() };
                add(format_args!("select {whole:?}"));
            }
            Op::Subquery(subquery) => {
                let operand = self.class_of(&subquery.operand, subquery.inner);
                let (inner, shift, range_ms) = (subquery.inner, subquery.shift, subquery.range_ms);
                add(format_args!("subquery {inner:?} {shift:?} {range_ms} {operand}"));
            }
            Op::Shared(_) => unreachable!("nothing is shared yet"),
        }
        key
    }
}

/// Whether a node gives a vector that it takes work to make.
fn is_shareable(node: &Node<'_>) -> bool {
    match &node.op {
        Op::Once(inner) | Op::Negate(inner) => is_shareable(inner),
        Op::Binary(binary) => binary.scalars != (true, true),
        Op::Aggregate(_) => true,
        Op::Call(call) => {
            let reads = !call.arguments.is_empty() && call.function.name != "vector";
            call.function.returns == ValueType::Vector && reads
        }
        Op::Select(select) => !select.is_range,
        Op::Number(_) | Op::String(_) | Op::Subquery(_) | Op::Shared(_) => false,
    }
}

/// Counts in how many places each vector stands that is not below one counted before.
fn count(node: &Node<'_>, classes: &Classes, counts: &mut FxHashMap<usize, usize>) {
    if is_shareable(node) {
        let places = counts.entry(classes.by_node[&node.id]).or_default();
        *places += 1;
        if *places > 1 {
            return;
        }
    }
    let looks_at_selectors = looks_at_selectors(node);
    for operand in node.op.operands() {
        if !(looks_at_selectors && is_selector(operand)) {
            count(operand, classes, counts);
        }
    }
}

/// Puts one subtree in all places where equal ones stand.
fn replace<'e>(
    node: &mut Node<'e>,
    classes: &Classes,
    counts: &FxHashMap<usize, usize>,
    made: &mut FxHashMap<usize, Arc<Node<'e>>>,
    nodes: &mut usize,
) {
    let class = classes.by_node[&node.id];
    let Some(places) = counts.get(&class).filter(|_| is_shareable(node)).copied() else {
        replace_operands(node, classes, counts, made, nodes);
        return;
    };
    if let Some(first) = made.get(&class) {
        let (theirs, ours) = (spans(first), spans(node));
        let spans = theirs.into_iter().zip(ours).filter(|(theirs, ours)| theirs != ours).collect();
        let first = Arc::clone(first);
        node.op = Op::Shared(Box::new(Shared { node: first, places, is_first: false, spans }));
        return;
    }
    replace_operands(node, classes, counts, made, nodes);
    let op = std::mem::replace(&mut node.op, Op::Number(0.0));
    // The place keeps its number; the subtree gets the next.
    let first = Arc::new(Node { id: *nodes, span: node.span, op });
    *nodes += 1;
    made.insert(class, Arc::clone(&first));
    let spans = Vec::new();
    node.op = Op::Shared(Box::new(Shared { node: first, places, is_first: true, spans }));
}

fn replace_operands<'e>(
    node: &mut Node<'e>,
    classes: &Classes,
    counts: &FxHashMap<usize, usize>,
    made: &mut FxHashMap<usize, Arc<Node<'e>>>,
    nodes: &mut usize,
) {
    let looks_at_selectors = looks_at_selectors(node);
    for operand in node.op.operands_mut() {
        if !(looks_at_selectors && is_selector(operand)) {
            replace(operand, classes, counts, made, nodes);
        }
    }
}

/// Whether a function asks its arguments for more than their values if they are selectors.
fn looks_at_selectors(node: &Node<'_>) -> bool {
    matches!(&node.op, Op::Call(call) if matches!(call.function.name, "timestamp" | "info"))
}

fn is_selector(node: &Node<'_>) -> bool {
    match &node.op {
        Op::Once(inner) => is_selector(inner),
        op => matches!(op, Op::Select(_)),
    }
}

/// Where everything stands that annotations may be about, in an order that equal subtrees share.
fn spans(node: &Node<'_>) -> Vec<Span> {
    if let Op::Shared(shared) = &node.op {
        return spans(&shared.node).into_iter().map(|span| shared.place(span)).collect();
    }
    let mut all = vec![node.span];
    match &node.op {
        Op::Binary(binary) => all.push(binary.span),
        Op::Aggregate(aggregate) => {
            all.push(aggregate.span);
            all.extend(aggregate.parameter.iter().map(|(_, span)| *span));
        }
        Op::Call(call) => {
            all.push(call.call.span);
            all.extend(call.call.arguments.iter().map(Expr::span));
        }
        Op::Select(select) => all.push(select.span),
        _ => {}
    }
    node.op.operands().into_iter().for_each(|operand| all.extend(spans(operand)));
    all
}
