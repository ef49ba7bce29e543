"""The SQL functions that osquery adds."""

import time

import pytest

from fleet.schema import Database, Failed, NoRows


def value(expression: str) -> str:
    return next(iter(Database().run(f"SELECT {expression} AS it", NoRows()).rows[0].values()))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("split('a.b.c', '.', 1)", "b"),
        ("split('a, b;c', ',;', 1)", "b"),
        ("split('a..b', '.', 1)", "b"),
        ("split('a', '.', 1)", ""),
        ("split(NULL, '.', 0)", ""),
        ("regex_split('a12b345c', '[0-9]+', 2)", "c"),
        ("regex_match('hello world', '(o) (w)', 2)", "w"),
        ("regex_match('hello', 'x', 0) IS NULL", "1"),
        (r"regex_match('v1.22.3 é', '(\d+)\.(\d+).*(.)', 2)", "22"),
        (r"regex_match('v1.22.3 é', '(\d+)\.(\d+).*(.)', 3)", "é"),
        ("regex_match('hello', '(x+)+', 0) IS NULL", "1"),
        ("regex_split('a1b22c', '(1|22)+', 2)", "c"),
        ("regex_match(hex(zeroblob(40000)) || 'z', 'z', 0)", "z"),
        ("1e999", "Inf"),
        ("-1e999", "-Inf"),
        ("inet_aton('10.0.0.1')", "167772161"),
        ("inet_aton('fe80::1') IS NULL", "1"),
        ("in_cidr_block('10.0.0.0/8', '10.2.3.4')", "1"),
        ("in_cidr_block('10.0.0.0/8', '11.2.3.4')", "0"),
        ("in_cidr_block('fd00::/8', 'fd12::1')", "1"),
        ("in_cidr_block('fd00::/8', '10.2.3.4')", "0"),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("sha1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("sha256('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("to_base64('fleet')", "ZmxlZXQ="),
        ("from_base64('ZmxlZXQ=')", "fleet"),
        ("from_base64('é') IS NULL", "1"),
        ("conditional_to_base64('plain')", "plain"),
        ("conditional_to_base64('é')", "w6k="),
        ("concat('a', NULL, 1)", "a1"),
        ("concat_ws('-', 'a', 'b')", "a-b"),
        ("sqrt(16)", "4.0"),
        ("ceil(1.2) + floor(1.8)", "3.0"),
        ("log(exp(2))", "2.0"),
        ("version_compare('1.10', '1.9')", "1"),
        ("version_compare('1.2', '1.2')", "0"),
        ("version_compare('1.01', '1.1')", "0"),
        ("version_compare('1.0~rc1', '1.0', 'DPKG')", "-1"),
        ("version_compare('1:1.0', '2.0', 'RHEL')", "1"),
        # The published examples of Community ID 1.0.
        (
            "community_id_v1('128.232.110.120', '66.35.250.204', 34855, 80, 6)",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        ),
        (
            "community_id_v1('66.35.250.204', '128.232.110.120', 80, 34855, 6)",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        ),
        ("community_id_v1('192.168.0.89', '192.168.0.1', 8, 0, 1)", "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ("community_id_v1('192.168.0.1', '192.168.0.89', 0, 20, 1)", "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ("community_id_v1('192.168.0.89', '192.168.0.1', 20, 0, 1)", "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
    ],
)
def test_function(expression: str, expected: str) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("split('a', '', 0)", "Invalid input to split function"),
        ("regex_match('a', '(', 0)", "Invalid regex: missing "),
        ("regex_match('ab', 'a(?=b)', 0)", "Invalid regex: invalid perl operator"),
        ("regex_match('a', '((a{1,99}){1,99}){1,99}', 0)", "Invalid regex"),
        ("regex_match('a', '" + "a" * 300 + "', 0)", "too big"),
        ("in_cidr_block('10.0.0.0/99', '10.0.0.1')", "cannot be parsed"),
    ],
)
def test_bad_arguments_fail_the_query(expression: str, complaint: str) -> None:
    with pytest.raises(Failed, match=complaint):
        value(expression)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)+$", "a?" * 60 + "a" * 60, "(.*,){9}x"])
def test_a_pattern_that_could_be_tried_in_endless_ways_is_done_at_once(pattern: str) -> None:
    began = time.process_time()
    assert value(f"regex_match('{'a' * 59}!', '{pattern}', 0) IS NULL") == "1"
    assert time.process_time() - began < 5
