"""Keys of JSON that say what their values are."""

from typing import Any

import pytest
from test_privacy_analysis import analysis, segment

from demeanor.privacy.analysis import redact_analysis, redact_json


def test_a_name_under_a_key_is_known_wherever_it_stands() -> None:
    done, counts = redact_json({"note": "Peter Walker paid", "name": "Peter Walker"})
    assert done == {"note": "[NAME] paid", "name": "[NAME]"}
    assert counts == {"NAME": 2}
    done, counts = redact_json(
        [{"firstName": "Peter", "last_name": "WALKER"}, "Peter, WALKER", {"姓名": "吴用"}, "吴用来"]
    )
    assert done == [{"firstName": "[NAME]", "last_name": "[NAME]"}, "[NAME], [NAME]", {"姓名": "[NAME]"}, "[NAME]来"]
    assert counts == {"NAME": 6}


def test_usual_words_roles_and_titles_under_a_key_are_not_looked_for_elsewhere() -> None:
    said = "The battery, Doctor Customer 1 and Mrs. in Rose"
    data = [{"name": n} for n in ("battery", "Customer 1", "Mrs. Walker", "Rose", "S1", "reader")]
    assert redact_json([*data, said])[0][-1] == said


def test_a_name_under_a_key_of_an_analysis_is_looked_for_in_what_is_said() -> None:
    said = analysis([segment("Peter paid", 0.0, 1.0)], sample={"author": "Peter Walker"})
    done = redact_analysis(said).data
    assert done["segments"][0]["text"] == "[NAME] paid"
    assert done["sample"] == {"author": "[NAME]"}


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("dob", "1985-03-12", "BIRTHDATE"),
        ("dateOfBirth", "12 March 1985", "BIRTHDATE"),
        ("patient_birthdate", "1985-03-12T00:00:00Z", "BIRTHDATE"),
        ("生日", "1985-03-12", "BIRTHDATE"),
        ("出生日期", "一九八五年三月十二日", "BIRTHDATE"),
        ("姓名", "张伟", "NAME"),
        ("联系人", "阿布", "NAME"),
        ("Name", "Peter Walker", "NAME"),
        ("lastName", "walker", "NAME"),
        ("CustomerName", "Peter", "NAME"),
        ("手机", "13800138000", "PHONE"),
        ("homePhone", "555 12 34", "PHONE"),
        ("fax_number", "12345-67", "PHONE"),
        ("身份证号", "110101199003071234", "ID"),
        ("passportNumber", "C01X00T47", "ID"),
        ("SSN", "123 45 6789", "ID"),
        ("card_number", "4111 1111 1111 1111", "CARD"),
        ("cardNumber", "411-" + "1" * 300, "ACCOUNT"),
        ("银行卡号", "622848", "ACCOUNT"),
        ("address", "High Street, Leeds", "ADDRESS"),
        ("billing_address_line_1", "Rose Cottage", "ADDRESS"),
        ("家庭地址", "上海市徐汇区", "ADDRESS"),
        ("zipCode", "90210", "ADDRESS"),
        ("地址", "望京西园四区", "ADDRESS"),
        ("address", "12 rue de la paix", "ADDRESS"),
        ("address", "Ünterer Weg, Öhringen", "ADDRESS"),
        ("address", "192.168.10.20", "IP"),
        ("email", "peter@localhost", "MAIL"),
        ("workEmail", "peter@example.com", "MAIL"),
        ("邮箱", "peter@example.com", "MAIL"),
        ("D.O.B.", "1985-03-12", "BIRTHDATE"),
        ("patient.dob", "1985-03-12", "BIRTHDATE"),
        ("phone1", "555 12 34", "PHONE"),
        ("phone_numbers", "555 12 34", "PHONE"),
        ("homeAddresses", "High Street, Leeds", "ADDRESS"),
        ("password", "correct horse", "ACCOUNT"),
        ("userPwd", "hunter", "ACCOUNT"),
        ("access_token", "abcdef" * 99, "ACCOUNT"),
        ("密码", "芝麻开门", "ACCOUNT"),
    ],
)
def test_a_value_is_what_its_key_says(key: str, value: str, kind: str) -> None:
    for data, left in ((value, f"[{kind}]"), ([value], [f"[{kind}]"]), (f"[{kind}]", f"[{kind}]")):
        assert redact_json({key: data})[0] == {key: left}


@pytest.mark.parametrize(
    "data",
    [
        {
            "count": "12345678",
            "call_id": "1234567890",
            "callStarted": "1716282000",
            "code": "90210",
            "version": "3.1.4",
        },
        {"phone": "none", "email": "unsubscribed", "dob": "unknown", "visa": "valid until 2025-03", "pin": "top board"},
        {"fileName": "report", "product_name": "Kettle", "date": "1985-03-12", "mail": "We write @ noon"},
        {"token": "good", "tokens": ["12345", "battery"], "user1": "Great service", "speakers": "two", "pass": "1"},
        {"address": "none", "IP地址": "x", "网址地址": "本店的网站", "cell": "B12345", "homeAddress": "I love it, Tom"},
        {"address": "The Waiter was Rude!", "地址": "这个小区的市场很好。", "住址": "我很喜欢 这里"},
        {"phone": 5, "address": None, "email": True, "score": 0.5, "姓": "", "name": "[NAME]"},
    ],
)
def test_values_that_mean_nothing_personal_stay(data: dict[str, Any]) -> None:
    done, counts = redact_json(data)
    assert done == data
    assert not counts


def test_a_longer_text_under_a_key_is_read_as_a_line_of_a_text_is() -> None:
    assert redact_json({"birthday": "March 12th, 1985, in a small town of the far north"})[0] == {
        "birthday": "[BIRTHDATE], in a small town of the far north"
    }


@pytest.mark.parametrize("key", ["author", "speaker", "name", "by"])
def test_a_list_of_names_of_any_length_is_taken_whole(key: str) -> None:
    names = ", ".join(f"Peter{c} Walker{c}" for c in "abcdefghijklmnopqrst")
    assert "Walker" not in redact_json({key: names})[0][key]


@pytest.mark.parametrize(
    "said",
    [
        {"name": "Galaxy Watch", "review": "Galaxy is great, best Watch ever"},
        {"username": "Amazing", "text": "Amazing product"},
        {"昵称": "开心", "评论": "今天很开心"},
        {"联系人": "本人", "text": "本人很满意"},
        {"产品名字": "电饭煲", "评论": "这个电饭煲很好用"},
    ],
)
def test_no_part_of_what_things_and_accounts_are_called_is_looked_for(said: dict[str, str]) -> None:
    (_, called), (key, text) = said.items()
    for data in (said, [said, said], {"segments": [{"text": f"{called}. {text}"}], **said}):
        left = str(redact_json(data)[0])
        assert text in left, key


def test_a_whole_name_of_two_words_is_looked_for_in_capitals_too() -> None:
    data = {"name": "Peter Walker", "昵称": "王芳", "note": "王芳 and Peter Walker"}
    done = redact_json({**data, "segments": [{"text": "PETER WALKER paid"}, {"text": "Walker pace"}]})[0]
    assert [s["text"] for s in done["segments"]] == ["[NAME] paid", "Walker pace"]
    assert done["note"] == "[NAME] and [NAME]"


@pytest.mark.parametrize(
    ("speaker", "text", "left"),
    [
        ("Ann Lee, expert", "I am no expert, Ann", "I am no expert, [NAME]"),
        ("Kim, CEO", "Our CEO Kim", "Our CEO [NAME]"),
        ("Lee, Ann", "Lee and Ann", "[NAME] and [NAME]"),
        ("WALKER, PETER", "PETER WALKER", "[NAME] [NAME]"),
        ("张三，李四", "李四来", "[NAME]来"),
    ],
)
def test_what_a_speaker_does_is_no_name(speaker: str, text: str, left: str) -> None:
    assert redact_json({"speaker": speaker, "text": text})[0]["text"] == left


def test_what_a_user_says_is_no_name() -> None:
    """As in data of conversations, whose keys are who speaks."""
    said = {
        "user": "I really like this phone, call 13800138000.",
        "by": "我很喜欢这个手机，真的。",
        "name": "Peter Walker Jr.",
    }
    found = redact_json(said)[0]
    assert found == {"user": "I really like this phone, call [PHONE].", "by": said["by"], "name": "[NAME]"}
