use std::collections::BTreeMap;

use super::*;
use crate::expression::Operand;
use crate::value::Value;

fn substitutions() -> Substitutions {
    let values = [
        (":s", Value::from("x")),
        (":n", 1.into()),
        (":m", 2.into()),
        (":l", Value::L(vec![])),
        (":map", Value::M(BTreeMap::new())),
        (":bool", Value::Bool(true)),
        (":ss", Value::string_set(vec!["x".to_owned()]).unwrap()),
        (":type", "SS".into()),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value)).into();
    let names = [("#a", "a"), ("#dots", "x.y"), ("#name", "name")];
    let names = names.map(|(alias, name)| (alias.to_owned(), name.to_owned())).into();
    Substitutions::new(Some(names), Some(values)).unwrap()
}

fn message<T>(kind: ExpressionKind, result: Result<T>) -> String {
    let error = result.err().map(|error| error.to_string()).unwrap_or_default();
    error.strip_prefix(&format!("Invalid {kind}: ")).unwrap_or(&error).to_owned()
}

fn condition(text: &str) -> String {
    let kind = ExpressionKind::Condition;
    message(kind, Condition::parse(kind, text, &mut substitutions()))
}

fn update(text: &str) -> String {
    message(ExpressionKind::Update, Update::parse(text, &mut substitutions()))
}

fn projection(text: &str) -> String {
    message(ExpressionKind::Projection, Projection::parse(text, &mut substitutions()))
}

#[test]
fn conditions_are_read() {
    for text in [
        "a = :n",
        "a=:n",
        "\ta\r\n=  :n ",
        "#a.b[0].#dots <> :n",
        "a[ 12 ][0] = :n",
        "(a) = (:n)",
        "(a = :n)",
        "(a = :n) AND ((b = :n) OR c = :n)",
        "NOT a = :n and not (b = :n or c = :n)",
        "a between :n and :m AND b IN (:n,:m , c)",
        "size(a) > size(b)",
        "(size(a)) > :n",
        "(attribute_exists(a))",
        "attribute_exists((a)) AND (a).b = :n",
        "attribute_type(a, :type)",
        "attribute_type(:n, :type)",
        ":n = :m",
        "setting = :n AND Android = :n AND notes = :n AND inner_ = :n",
    ] {
        assert_eq!(condition(text), "", "{text}");
    }
}

#[test]
fn conditions_that_make_no_sense_are_refused_with_awss_words() {
    for (text, expected) in [
        ("", "The expression can not be empty;"),
        ("((a = :n))", "The expression has redundant parentheses;"),
        ("((a)) = :n", "The expression has redundant parentheses;"),
        ("b = :n AND ((a = :n OR f(a)))", "The expression has redundant parentheses;"),
        ("f(a)", "Invalid function name; function: f"),
        ("a = g(b) AND f(a)", "Invalid function name; function: g"),
        ("a = Size(b)", "Invalid function name; function: Size"),
        (
            "list_append(a, b) = :l",
            "The function is not allowed in a condition expression; function: list_append",
        ),
        ("size(a)", "The function is not allowed to be used this way in an expression; function: size"),
        (
            "a = contains(name, :s)",
            "The function is not allowed to be used this way in an expression; function: contains",
        ),
        ("a = :x AND Name = :n", "Attribute name is a reserved keyword; reserved keyword: Name"),
        ("a.status = :n", "Attribute name is a reserved keyword; reserved keyword: status"),
        ("set = :n", "Attribute name is a reserved keyword; reserved keyword: set"),
        ("a[2147483648] = :n", "List index is not within the allowable range; index: [2147483648]"),
    ] {
        assert_eq!(condition(text), expected, "{text}");
    }
}

#[test]
fn operands_that_do_not_fit_are_refused_with_awss_words() {
    for (text, expected) in [
        (
            "#x = :x",
            "An expression attribute name used in the document path is not defined; attribute name: #x",
        ),
        ("a = :x", "An expression attribute value used in expression is not defined; attribute value: :x"),
        (
            "contains(a)",
            "Incorrect number of operands for operator or function; operator or function: contains, number \
             of operands: 1",
        ),
        (
            "attribute_exists(a, b)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, \
             number of operands: 2",
        ),
        (
            "a.b[1] = #a.b[1]",
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: =, first operand: [a, b, [1]]",
        ),
        (
            "contains(a, #a)",
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: contains, first operand: [a]",
        ),
        (
            "attribute_exists(:n)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
    ] {
        assert_eq!(condition(text), expected, "{text}");
    }
}

#[test]
fn operands_of_wrong_types_are_refused_with_awss_words() {
    for (text, expected) in [
        (
            "begins_with(a, :n)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand \
             type: N",
        ),
        (
            "begins_with(a, size(b))",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand \
             type: N",
        ),
        (
            "size(:bool) = :n",
            "Incorrect operand type for operator or function; operator or function: size, operand type: BOOL",
        ),
        (
            "size(size(a)) = :n",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "a < :ss",
            "Incorrect operand type for operator or function; operator or function: <, operand type: SS",
        ),
        (
            "attribute_type(a, :n)",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand \
             type: N",
        ),
        (
            "attribute_type(a, b)",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand \
             type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}",
        ),
        (
            "attribute_type(a, :s)",
            "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "a BETWEEN :s AND :n",
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: \
             AttributeValue: {S:x}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "a BETWEEN :m AND :n",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower \
             bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
        ),
    ] {
        assert_eq!(condition(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_condition_is_a_syntax_error() {
    for (text, token, near) in [
        ("a", "<EOF>", "a"),
        ("a = ", "<EOF>", "= "),
        ("_a = :n", "_", "_a"),
        ("a._b = :n", "_", "._b"),
        ("_f(b)", "_", "_f"),
        ("a[00] = :n", "0", "00]"),
        ("a[01] = :n", "1", "01]"),
        ("a[1b] = :n", "b", "1b]"),
        ("a = = :n", "=", "= = :n"),
        ("a = :n b", "b", ":n b"),
        ("a == :n", "=", "== :n"),
        ("(a = :n", "<EOF>", ":n"),
        ("a = :n)", ")", ":n)"),
        ("a IN ()", ")", "()"),
        ("a BETWEEN :n OR :m", "OR", ":n OR :m"),
        ("NOT", "<EOF>", "NOT"),
        ("a = :n AND AND b = :n", "AND", "AND AND b"),
        ("a[b] = :n", "b", "[b]"),
        ("!!", "!", "!!"),
        ("a = \"x\"", "\"", "= \"x"),
        ("(:n).b = :n", ".", ").b"),
    ] {
        let expected = format!("Syntax error; token: \"{token}\", near: \"{near}\"");
        assert_eq!(condition(text), expected, "{text}");
    }
}

#[test]
fn expressions_are_bounded() {
    let long = format!("a = :n{}", " ".repeat(4090));
    assert_eq!(condition(&long[..4096]), "");
    assert_eq!(
        condition(&format!("{} ", &long[..4096])),
        "Expression size has exceeded the maximum allowed size; expression size: 4097"
    );
    let nested = |depth: usize| format!("{}a = :n{}", "(NOT ".repeat(depth), ")".repeat(depth));
    assert_eq!(condition(&nested(150)), "");
    assert_eq!(condition(&nested(151)), "The expression has redundant parentheses;");
    let open = |text: &str, depth: usize| condition(&text.repeat(depth));
    assert!(open("(", 150).starts_with("Syntax error; token: \"<EOF>\""));
    assert!(open("size(", 150).starts_with("Syntax error; token: \"<EOF>\""));
    let many = |count: usize| vec!["a=:n"; count].join(" OR ");
    assert_eq!(condition(&many(150)), "");
    assert_eq!(condition(&many(151)), "The expression contains too many operators; operator count: 301");
    assert_eq!(condition(&many(200)), "The expression contains too many operators; operator count: 301");
    let list = |count: usize| format!("a IN ({})", vec![":n"; count].join(","));
    assert_eq!(condition(&list(100)), "");
    assert_eq!(
        condition(&list(101)),
        "The IN operator is provided with too many operands; number of operands: 101"
    );
    let path = |names: usize| format!("{} = :n", vec!["a"; names].join("."));
    assert_eq!(condition(&path(32)), "");
    assert_eq!(condition(&path(33)), "The document path has too many nesting levels; nesting levels: 33");
    let nested = |depth: usize| format!("SET a = {}:n{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(update(&nested(1)), "");
    assert_eq!(update(&nested(150)), "The expression has redundant parentheses;");
}

#[test]
fn updates_are_read() {
    for text in [
        "SET a = :n",
        "set a=:n,b = c remove d, e.f[2] add g :n delete h :ss",
        "SET a = a + :n, b = (b - :n), c = (c) + :n",
        "SET a = if_not_exists(a, :n) + :n",
        "SET a = list_append(if_not_exists(a, :l), :l)",
        "SET #name.b[1] = :n REMOVE c",
        "ADD a :ss, b :n",
        "REMOVE a[0], a[1]",
        "SET and1 = :n, adder = :n",
    ] {
        assert_eq!(update(text), "", "{text}");
    }
}

#[test]
fn updates_that_make_no_sense_are_refused_with_awss_words() {
    for (text, expected) in [
        ("", "The expression can not be empty;"),
        ("SET", "Syntax error; token: \"<EOF>\", near: \"SET\""),
        ("SET a = :n, REMOVE b", "Syntax error; token: \"REMOVE\", near: \", REMOVE b\""),
        ("SET a :n", "Syntax error; token: \":n\", near: \"a :n\""),
        ("ADD a b", "Syntax error; token: \"b\", near: \"a b\""),
        ("SET a = :n + :n + :n", "Syntax error; token: \"+\", near: \":n + :n\""),
        ("SET name = f(:n) SET a = :n", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("SET and = :n", "Attribute name is a reserved keyword; reserved keyword: and"),
        ("SET a = f(:n) SET b = :n", "Invalid function name; function: f"),
        ("SET a = size(b)", "The function is not allowed in an update expression; function: size"),
        ("SET a = #x SET b = :n", "The \"SET\" section can only be used once in an update expression;"),
        (
            "SET a = :x REMOVE #x",
            "An expression attribute name used in the document path is not defined; attribute name: #x",
        ),
        (
            "SET a = :x, a = :n",
            "An expression attribute value used in expression is not defined; attribute value: :x",
        ),
    ] {
        assert_eq!(update(text), expected, "{text}");
    }
}

#[test]
fn paths_that_cannot_be_updated_together_are_refused_with_awss_words() {
    for (text, expected) in [
        (
            "SET a[0] = :n, a.b = :n REMOVE a.b",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path \
             one: [a, b], path two: [a, b]",
        ),
        (
            "SET a.b = :n REMOVE #a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path \
             one: [a, b], path two: [a]",
        ),
        (
            "SET a[0] = :n REMOVE a.b ADD c :s",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path \
             one: [a, [0]], path two: [a, b]",
        ),
    ] {
        assert_eq!(update(text), expected, "{text}");
    }
}

#[test]
fn operands_that_do_not_fit_an_update_are_refused_with_awss_words() {
    for (text, expected) in [
        (
            "SET a = :s + :n ADD b :s",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: \
             ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "DELETE b :n",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, \
             typeSet: ALLOWED_FOR_DELETE_OPERAND",
        ),
        (
            "SET a = a + :s",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "SET a = list_append(a, :map)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand \
             type: M",
        ),
        (
            "SET a = list_append(a)",
            "Incorrect number of operands for operator or function; operator or function: list_append, \
             number of operands: 1",
        ),
        (
            "SET a = if_not_exists(:n, :n)",
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
    ] {
        assert_eq!(update(text), expected, "{text}");
    }
}

#[test]
fn operands_of_updates_are_refused_with_awss_words() {
    for (text, expected) in [
        ("SET a = ((b))", "The expression has redundant parentheses;"),
        ("SET a = ((b + :n))", "The expression has redundant parentheses;"),
        ("SET a = list_append(((b)), :l)", "The expression has redundant parentheses;"),
        ("SET _abc = :n", "Syntax error; token: \"_\", near: \"SET _abc\""),
        ("REMOVE _a", "Syntax error; token: \"_\", near: \"REMOVE _a\""),
        (
            "SET a = list_append(list_append(:l, :l), :l)",
            "The function is not allowed to be used this way in an expression; function: list_append",
        ),
        (
            "SET a = if_not_exists(b, list_append(name, #x))",
            "The function is not allowed to be used this way in an expression; function: list_append",
        ),
        (
            "SET a = :n + list_append(b, c)",
            "The function is not allowed to be used this way in an expression; function: list_append",
        ),
        (
            "SET a = if_not_exists(zz, zz)",
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: if_not_exists, first operand: [zz]",
        ),
        (
            "SET a = if_not_exists(zz, zz) ADD b :s",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: \
             ALLOWED_FOR_ADD_OPERAND",
        ),
    ] {
        assert_eq!(update(text), expected, "{text}");
    }
}

#[test]
fn projections_are_refused_with_awss_words() {
    assert_eq!(projection("a, b.c[2] , #dots.#name, x_, set1"), "");
    for (text, expected) in [
        ("", "The expression can not be empty;"),
        ("a,", "Syntax error; token: \"<EOF>\", near: \",\""),
        ("_a", "Syntax error; token: \"_\", near: \"_a\""),
        ("a, and", "Attribute name is a reserved keyword; reserved keyword: and"),
        ("#x", "An expression attribute name used in the document path is not defined; attribute name: #x"),
        (
            "a, b.c, b",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path \
             one: [b, c], path two: [b]",
        ),
        (
            "a[0], a.b",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path \
             one: [a, [0]], path two: [a, b]",
        ),
    ] {
        assert_eq!(projection(text), expected, "{text}");
    }
}

#[test]
fn what_is_used_often_is_not_copied() {
    let condition =
        Condition::parse(ExpressionKind::Filter, "#dots = :s OR #dots = :s", &mut substitutions()).unwrap();
    let Condition::Or(parts) = &condition else { panic!("{condition:?}") };
    let [
        Condition::Compare { right: Operand::Value(one), .. },
        Condition::Compare { right: Operand::Value(other), .. },
    ] = parts.as_slice()
    else {
        panic!("{condition:?}")
    };
    assert!(std::sync::Arc::ptr_eq(one, other));
    let paths = condition.paths();
    assert!(std::sync::Arc::ptr_eq(&paths[0].head, &paths[1].head));
}

#[test]
fn errors_say_which_expression_is_meant() {
    for kind in [ExpressionKind::Condition, ExpressionKind::Filter, ExpressionKind::KeyCondition] {
        let error = Condition::parse(kind, "", &mut substitutions()).unwrap_err();
        assert_eq!(error.to_string(), format!("Invalid {kind}: The expression can not be empty;"));
    }
}

#[test]
fn dots_in_a_substituted_name_are_literal() {
    let condition = Condition::parse(ExpressionKind::Filter, "#dots.b = :n", &mut substitutions()).unwrap();
    assert_eq!(condition.paths()[0].to_string(), "[x.y, b]");
}
