"""Sentences with personal data, marked `⟦KIND:value⟧`, by hand; every value is invented or an official example."""

import re

ENGLISH = """
You can mail me at ⟦MAIL:john.smith@example.com⟧ any time.
His address is ⟦MAIL:m_o'brien+news@mail.example.co.uk⟧, I think.
Write to ⟦MAIL:INFO.SALES-TEAM@EXAMPLE.ORG⟧!
contact:⟦MAIL:jane@sub.domain.example.io⟧
Two of them: ⟦MAIL:a.b@example.com⟧, ⟦MAIL:c-d@example.net⟧.
Send it to ⟦MAIL:sales [at] example [dot] com⟧ please.
<⟦MAIL:bob@example.de⟧> wrote:
Her mail was ⟦MAIL:müller@example.de⟧ back then.
My number is ⟦PHONE:(555) 123-4567⟧.
Call ⟦PHONE:212-555-0187⟧ after six.
Call me: ⟦PHONE:415.555.0132⟧
Ring ⟦PHONE:1-800-555-0199⟧ for help.
Toll free ⟦PHONE:1 (877) 555-0110⟧.
I am at ⟦PHONE:+1 415 555 2671⟧ all day.
International: ⟦PHONE:+44 20 7946 0958⟧
He is in Berlin, ⟦PHONE:+49 30 901820⟧.
Paris office ⟦PHONE:+33 1 23 45 67 89⟧
Appelez le ⟦PHONE:06 12 34 56 78⟧ ou le ⟦PHONE:01.23.45.67.89⟧.
Sydney: ⟦PHONE:+61 2 5550 1234⟧, reception
Text ⟦PHONE:+14155552671⟧ now
My mobile is ⟦PHONE:07700 900123⟧.
London: ⟦PHONE:020 7946 0958⟧
Ask at ⟦PHONE:(0161) 496 0345⟧ for him.
UK mobile ⟦PHONE:07700900982⟧
Dial ⟦PHONE:00 49 30 901820⟧ from abroad.
Office: ⟦PHONE:212-555-0187 ext. 45⟧
My phone number is ⟦PHONE:5551234567⟧
You can reach me at ⟦PHONE:555-0134⟧.
WhatsApp me on ⟦PHONE:+91 98765 43210⟧
The old cell was ⟦PHONE:650 253 0000⟧.
Fax: ⟦PHONE:0711 1234567⟧
The card is ⟦CARD:4111 1111 1111 1111⟧.
Visa ⟦CARD:4012888888881881⟧ was charged twice
Use ⟦CARD:5555-5555-5555-4444⟧ for the booking
Amex ⟦CARD:3782 822463 10005⟧ was refused.
It was ⟦CARD:6011111111111117⟧, expiring in May.
mastercard ⟦CARD:2223003122003222⟧
Pay into ⟦IBAN:DE89 3704 0044 0532 0130 00⟧.
IBAN ⟦IBAN:GB29NWBK60161331926819⟧ and that is all
French account ⟦IBAN:FR14 2004 1010 0505 0001 3M02 606⟧
nl: ⟦IBAN:NL91ABNA0417164300⟧.
My social is ⟦ID:078-05-1120⟧.
SSN ⟦ID:219 09 9999⟧ on file
Her social security number is ⟦ID:457555462⟧.
NI number ⟦ID:AB 12 34 56 C⟧ please
National insurance: ⟦ID:QQ123456C⟧
Passport number ⟦ID:L01234567⟧, issued in Dublin
My passport is ⟦ID:C01X00T47⟧.
driver's license number ⟦ID:D1234567⟧
Passport no: ⟦ID:533380006⟧
My account number is ⟦ACCOUNT:12345678⟧.
Routing number ⟦ACCOUNT:021000021⟧ it says
Order number ⟦ACCOUNT:AB-20394857⟧ never came.
Sort code ⟦ACCOUNT:20-00-00⟧ and account ⟦ACCOUNT:55779911⟧.
I live at ⟦ADDRESS:742 Evergreen Terrace, Springfield⟧.
Send it to ⟦ADDRESS:1600 Pennsylvania Avenue NW⟧ today.
She moved to ⟦ADDRESS:10 Downing Street, London SW1A 2AA⟧.
Ship to ⟦ADDRESS:350 Fifth Avenue, Suite 3300, New York, NY 10118⟧.
We met at ⟦ADDRESS:221B Baker Street⟧.
The house is at ⟦ADDRESS:12 N. Main St. Apt 4B, Boston, MA 02108⟧
⟦ADDRESS:Flat 3, 27 Queens Road, Bristol BS8 1QE⟧ is empty.
PO: ⟦ADDRESS:P.O. Box 1234⟧
Nearest: ⟦ADDRESS:88 Old Mill Lane⟧, behind the church
Our office at ⟦ADDRESS:4500 W 42nd Street⟧ is closed
It is in ⟦ADDRESS:Hauptstraße 12, 10115 Berlin⟧.
i live at ⟦ADDRESS:42 maple street⟧ with my mom
Photos: ⟦URL:https://www.facebook.com/john.smith.1984⟧
See ⟦URL:https://www.linkedin.com/in/jane-doe-12345/⟧ for my career
Reset: ⟦URL:https://example.com/reset?token=abc123&user=jane⟧
Mine: ⟦URL:http://example.com/~jsmith/index.html⟧
Old: ⟦URL:https://user:secret@example.com/private⟧
⟦URL:https://example.org/users/4711/photos⟧ is mine
Her page: ⟦URL:instagram.com/jane_doe_art⟧
Logged in from ⟦IP:203.0.113.42⟧ last night.
Server ⟦IP:2001:db8:85a3::8a2e:370:7334⟧ is down
My router is ⟦IP:192.168.0.17⟧, I believe
I was born on ⟦BIRTHDATE:May 12, 1990⟧.
DOB ⟦BIRTHDATE:03/14/1985⟧
date of birth: ⟦BIRTHDATE:1975-11-02⟧.
My birthday is ⟦BIRTHDATE:the 4th of July⟧.
He was born ⟦BIRTHDATE:12 January 1961⟧ in Ohio.
Born on ⟦BIRTHDATE:6.7.1988⟧, she says.
Thanks to ⟦HANDLE:@jane_doe⟧ for the tip!
Add me on skype: ⟦HANDLE:live_john99⟧
My name is ⟦NAME:John Smith⟧.
my name is ⟦NAME:john⟧, and I need help
Hello, my name's ⟦NAME:Maria de la Cruz⟧.
I spoke to Mr. ⟦NAME:Johnson⟧ yesterday.
Mrs ⟦NAME:O'Neill⟧ was very kind.
Dr. ⟦NAME:Sarah Connor⟧ will see you.
This is ⟦NAME:Peter Parker⟧ speaking.
Name: ⟦NAME:Alice Cooper⟧
Dear ⟦NAME:Michael⟧, thank you for writing.
Hi ⟦NAME:Susan⟧, how are you?
Professor ⟦NAME:McGonagall⟧ gave me an A.
Please call me ⟦NAME:Bob⟧.
I'm ⟦NAME:Emily Watson⟧, and I was charged twice.
Best regards,\\n⟦NAME:Thomas Müller⟧
My full name is ⟦NAME:Jean-Luc Picard⟧.
Can I speak to ⟦NAME:Linda⟧, please?
Ms. ⟦NAME:Lee⟧ called; tell ⟦NAME:Lee⟧ I am out.
"""

ENGLISH_SPOKEN = """
My number is ⟦PHONE:five five five one two three four⟧.
call me at ⟦PHONE:four one five, five five five, zero one three two⟧ okay
it's ⟦PHONE:two one two five five five oh one eight seven⟧ thanks
so that is ⟦PHONE:eight hundred five five five oh one nine nine⟧ right
the number is ⟦PHONE:double seven five three nine double two one⟧ please
uh ⟦PHONE:seven oh three. five five five. twenty two. thirty one⟧ yeah
Reach me at ⟦PHONE:5 5 5 1 2 3 4⟧.
Dial ⟦PHONE:nine one seven 555 0142⟧ now
my card number is ⟦CARD:four one one one one one one one one one one one one one one one⟧ okay
the card, ⟦CARD:five five five five, five five five five, five five five five, four four four four⟧
my social is ⟦ID:zero seven eight zero five one one two zero⟧ there
social security number ⟦ID:four five seven, five five, five four six two⟧ got it
account number ⟦ACCOUNT:one two three four nine eight seven six⟧ thanks
send it to ⟦MAIL:john dot smith at example dot com⟧ please
my email is ⟦MAIL:jane underscore doe at gmail dot com⟧
mail ⟦MAIL:info at example dot co dot uk⟧ about it
it is ⟦MAIL:j o h n at yahoo dot com⟧ all small
write me at ⟦MAIL:john.smith at example.com⟧ then
my email address is ⟦MAIL:susan at outlook dot com⟧
I live at ⟦ADDRESS:forty two maple street⟧ now
we live at ⟦ADDRESS:one twenty three elm road apartment five⟧ you know
"""

CHINESE = """
请发邮件到⟦MAIL:zhangwei@example.com⟧谢谢
邮箱:⟦MAIL:li.na_88@qq.example.cn⟧。
我的手机是⟦PHONE:13800138000⟧,随时打。
电话⟦PHONE:138 0013 8000⟧
联系⟦PHONE:+86 139-1234-5678⟧吧
打⟦PHONE:010-12345678⟧问问
座机⟦PHONE:0571-87654321⟧
客服⟦PHONE:400-820-8820⟧没人接
手机号：⟦PHONE:１３８００１３８０００⟧
北京⟦PHONE:(010)65529988⟧转接
⟦PHONE:86 15012345678⟧是我微信
分机⟦PHONE:021-61234567转8001⟧
电话号码是⟦PHONE:87654321⟧
香港⟦PHONE:+852 2123 4567⟧
卡号⟦CARD:6222021234567890127⟧
我的信用卡是⟦CARD:4111111111111111⟧。
银行卡⟦CARD:6225 7583 2468 1355⟧被盗刷
身份证⟦ID:11010519491231002X⟧
身份证号是⟦ID:440524188001010014⟧。
⟦ID:11010519491231002x⟧是我的证件
护照号码⟦ID:E12345678⟧
护照号：⟦ID:G28233515⟧
车牌号⟦ID:京A12345⟧
驾驶证号⟦ID:110105194912310⟧
账号⟦ACCOUNT:20394857⟧登不上
订单号：⟦ACCOUNT:2024050612345678⟧一直没发货
验证码⟦ACCOUNT:394857⟧不要告诉别人
我住在⟦ADDRESS:北京市朝阳区建国路88号⟧。
地址:⟦ADDRESS:广东省深圳市南山区科技园路1号⟧
寄到⟦ADDRESS:上海市浦东新区世纪大道100号环球金融中心88楼⟧
我家在⟦ADDRESS:人民路12号⟧,很近
快递送到⟦ADDRESS:杭州市西湖区文三路478号3栋2单元501室⟧
他住⟦ADDRESS:阳光花园3栋2单元501室⟧
收货地址是⟦ADDRESS:四川省成都市武侯区天府大道北段1700号⟧。
在⟦ADDRESS:南京东路二百号⟧见
店在⟦ADDRESS:中山北路320弄⟧里面
⟦ADDRESS:湖南省长沙市岳麓区桐梓坡路108号⟧有一家
主页⟦URL:https://weibo.com/u/1234567890⟧
看⟦URL:https://www.zhihu.com/people/zhang-wei-12⟧
登录地址⟦IP:203.0.113.7⟧
出生于⟦BIRTHDATE:1990年5月12日⟧
我的生日是⟦BIRTHDATE:5月12日⟧
⟦BIRTHDATE:1985年3月⟧生于北京
出生日期：⟦BIRTHDATE:1975-11-02⟧
微信号:⟦HANDLE:wx_zhang99⟧
加我微信号⟦HANDLE:lilei_88⟧吧
qq号是⟦HANDLE:123456789⟧
我叫⟦NAME:张伟⟧。
我叫⟦NAME:李小龙⟧,今年三十岁
我的名字是⟦NAME:王芳⟧
你好我是⟦NAME:刘强⟧,想退货
姓名:⟦NAME:欧阳娜娜⟧
联系人：⟦NAME:赵敏⟧,急
⟦NAME:王⟧先生很满意
找⟦NAME:李⟧小姐就行
⟦NAME:陈志远⟧老师讲得好
谢谢⟦NAME:周⟧经理
我叫⟦NAME:小明⟧,来自上海
收件人⟦NAME:孙丽⟧
"""

CHINESE_SPOKEN = """
我的电话是⟦PHONE:一三八零零一三八零零零⟧
打⟦PHONE:幺三九一二三四五六七八⟧就行
座机是⟦PHONE:零一零六五五二九九八八⟧
电话⟦PHONE:八七六五四三二幺⟧
手机⟦PHONE:一五零,一二三四,五六七八⟧
身份证号码是⟦ID:一一零一零五一九四九一二三一零零二七⟧
卡号是⟦CARD:六二二二零二一二三四五六七八九零一二三⟧
邮箱是⟦MAIL:zhangsan艾特一六三点com⟧
发到⟦MAIL:lisi123 at qq点com⟧吧
"""

FRESH = """
hit me up on ⟦MAIL:k.t.lee+shop@uni-mail.example.edu⟧, thx
Sure, it's ⟦PHONE:(312) 555 0147⟧, leave a message if I don't answer
You'll find the landlord under ⟦PHONE:+353 1 496 0123⟧ most evenings.
the plumber's on ⟦PHONE:0113 496 0999⟧
my boss gave me ⟦PHONE:646.555.0171⟧ as the office line
She paid with ⟦CARD:4917 6100 0000 0000⟧ and never got it.
Refund it to ⟦IBAN:ES91 2100 0418 4502 0005 1332⟧, I said.
they wanted my SSN, so I typed ⟦ID:536-22-8146⟧
her passport, number ⟦ID:K4567890⟧, was stolen
We're at ⟦ADDRESS:19 Willow Crescent⟧, third house on the left.
the parcel went to ⟦ADDRESS:2715 Ash Dr, San Jose, CA 95111⟧ instead
My parents still live on ⟦ADDRESS:Station Road⟧ in Leeds
He was born on ⟦BIRTHDATE:the 3rd of March 1979⟧, same as my aunt
Happy birthday to me, ⟦BIRTHDATE:1992-08-19⟧!
Follow ⟦HANDLE:@travel_with_kim⟧ for more
⟦URL:https://www.instagram.com/kim.travels/⟧ has the pictures
somebody at ⟦IP:198.51.100.23⟧ tried to get in
Hi, I'm ⟦NAME:Deborah⟧ and I've been a customer for years.
Our waiter ⟦NAME:Carlos⟧ was lovely.
Ask ⟦NAME:Jennifer Walsh⟧ at the front desk.
Sergeant ⟦NAME:Ramirez⟧ took my statement.
It's ⟦NAME:Tom⟧ from accounting.
oh sure it's ⟦PHONE:nine one seven, five five five, oh one two two⟧
you can text ⟦PHONE:three one two five five five zero one four seven⟧ any time
that's ⟦MAIL:kim dot lee at proton mail dot com⟧
and the number on the card is ⟦CARD:four nine one seven six one zero zero zero zero zero zero zero zero zero zero⟧
加我微信⟦HANDLE:kimlee_2020⟧
我妈的手机号是⟦PHONE:186 6666 0123⟧
店里的电话⟦PHONE:0755-26001234⟧打不通
发票寄⟦MAIL:caiwu@corp.example.cn⟧
我家住⟦ADDRESS:武汉市洪山区珞喻路1037号⟧
送到⟦ADDRESS:和平里小区7号楼3单元⟧楼下
外卖小哥⟦NAME:赵⟧师傅人很好
老板娘姓⟦NAME:陈⟧,叫⟦NAME:陈美兰⟧
我是⟦NAME:周杰⟧,上周预订过
我身份证⟦ID:53010219200508011X⟧你登记一下
我⟦BIRTHDATE:1992年8月19日⟧出生
号码是⟦PHONE:一八六,六六六六,零一二三⟧
银行卡号⟦CARD:6228480402564890018⟧
快递放⟦ADDRESS:建设路二十一号⟧门卫
"""
"""Written when the finders were finished, and not worked on afterwards: nearer to what is to be expected."""

_MARK = re.compile(r"⟦([A-Z]+):(.*?)⟧")
SETS = {"en": ENGLISH, "en spoken": ENGLISH_SPOKEN, "zh": CHINESE, "zh spoken": CHINESE_SPOKEN}


def cases() -> list[tuple[str, str, list[tuple[int, int, str]]]]:
    """(set, text, spans) of every case."""
    out = []
    for name, lines in SETS.items():
        out += [(name, *_read(line.replace("\\n", "\n"))) for line in lines.strip().split("\n")]
    return out


def fresh_cases() -> list[tuple[str, str, list[tuple[int, int, str]]]]:
    """As `cases`, those that were written last."""
    return [("fresh", *_read(line)) for line in FRESH.strip().split("\n")]


def _read(line: str) -> tuple[str, list[tuple[int, int, str]]]:
    text, spans, at = "", [], 0
    for m in _MARK.finditer(line):
        text += line[at : m.start()]
        spans.append((len(text), len(text) + len(m[2]), m[1]))
        text += m[2]
        at = m.end()
    return text + line[at:], spans
