"""The words of the page, in English and Chinese. `{…}` are filled in by the caller."""

from __future__ import annotations

from typing import Literal

from demeanor.errors import ConfigError
from demeanor.report.figures import Json

Language = Literal["en", "zh"]

_EN = {
    "positive": "positive", "neutral": "neutral", "negative": "negative", "none": "no reading",
    "anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "joy", "sadness": "sadness",
    "surprise": "surprise", "emotion_neutral": "neutral", "words": "Words", "voice": "Voice",
    "face": "Face", "scene": "Scene", "fused": "All together", "text": "text", "image": "image",
    "audio": "audio", "video": "video", "mixed": "post", "valence": "Valence", "arousal": "Arousal",
    "dominance": "Dominance", "valence_ends": "unpleasant – pleasant", "arousal_ends": "calm – excited",
    "dominance_ends": "controlled – in control", "untitled": "What was typed", "segments": "{n} segments",
    "segment": "1 segment", "speakers": "{n} speakers", "theme": "Light or dark",
    "skip": "Skip to the reading", "verdict": "Verdict",
    "score_scale": "−1 most negative, +1 most positive", "confidence": "{p} likely to be right",
    "among": "{p} sure: one of {names}",
    "verified": "measured on held-back data",
    "pooled": "pooled by a stated rule, not measured as a whole", "abstain": "Not sure enough to say",
    "abstain_why": (
        "The input is outside what this model was made for. Take the numbers below with care."
    ),
    "abstain_all": "The input is outside what this model was made for.", "emotions": "Emotions",
    "polarity": "Polarity", "dimensions": "Dimensions",
    "derived": "computed from the emotions by published coordinates", "timeline": "Over time",
    "timeline_text": "From sentence to sentence",
    "timeline_use": (
        "Timeline. Left and right arrows go from segment to segment, plus and minus zoom, 0 shows all."
    ),
    "zoom_in": "Zoom in", "zoom_out": "Zoom out", "zoom_all": "Show all", "as_table": "Show as a table",
    "hint": "Hover for numbers · click to select · arrow keys to move",
    "hint_zoom": "Hover for numbers · click to select · Ctrl + wheel to zoom",
    "chosen": "Selected segment", "picture": "Picture", "sound": "Sound", "who": "Who",
    "no_script": "The timeline needs JavaScript; the transcript below has the same readings.",
    "media_gone": "The recording is not beside this report, so only the strip is shown.",
    "cues": "What each cue says", "own": "In the model's own words",
    "weight": "Weight", "share": "Share in the score",
    "sum": "How the score comes about", "start_value": "starting point", "transcript": "Transcript",
    "sentences": "Sentence by sentence", "post_text": "Text", "find": "Find in the text", "all": "all",
    "comma": ", ", "colon": ": ", "no_text": "(no words)", "no_match": "Nothing matches.",
    "speaker": "Speaker", "time": "Time", "people": "Faces and speakers", "seen": "seen for {t}",
    "spoke": "spoke for {t}", "present": "seen or heard for {t}", "average": "on average", "notes": "Worth knowing",
    "missing": "Not in this input: {names}.",
    "corrections": "Corrected by a user, marked ✎ in the transcript: {n}. The numbers elsewhere are as they were read.",
    "read_as": "Read as",
    "provenance": "How this was made", "version": "Version", "bundle": "Model",
    "speech": "Speech recognition", "threads": "Threads", "seconds": "Seconds taken", "schema": "Format",
    "limits": "What this is not for",
    "limits_text": (
        "These numbers describe what is expressed in words, voice and pictures, not what somebody "
        "feels, thinks or intends. They are estimates and can be wrong, more often so for people, "
        "languages and situations unlike those the model learned from. Not for medical or "
        "psychological diagnosis; not for decisions about a person in hiring, work, school, credit, "
        "insurance, policing or migration; not for watching people without their knowledge and "
        "consent. European law forbids inferring emotions at work and in education."
    ),
    "index": "{n} analyses", "item": "Item", "kind": "Kind", "reading": "Reading",
    "failed": "could not be read", "back": "Back to the list",
    "made_by": "Made by demeanor, offline, on this machine", "strongest": "strongest moment",
    "lang": "en", "change": "lasting change", "trend": "Trend", "smoothed": "trend, smoothed",
    "why": "Why", "why_cues": "What each cue adds",
    "why_cues_how": "Exact Shapley values: together they make the score, {score}.",
    "why_cues_how_base": "Exact Shapley values: with the starting point {base} they make the score, {score}.",
    "why_without": "without it: {reading}", "why_words": "Words that count",
    "why_words_how": (
        "The shares of a sentence's words sum to what the words say in it; point at one, or tab to it, for numbers."
    ),
    "key_negative": "towards negative", "key_positive": "towards positive",
    "why_voice": "Seconds of the voice that count",
    "why_voice_how": (
        "Each stretch is left out, alone and together with others; the shares sum to what the voice says."
    ),
    "why_regions": "Regions that count",
    "why_regions_how": "Each cell is blurred, alone and together with others: what the picture's reading rests on.",
    "why_frames": "Frames that count", "why_changes": "What would change the reading",
    "why_left_out": "Left out", "why_where": "In", "why_not_smallest": "(the smallest set found)",
    "why_limits": "Not explained",
}  # fmt: skip

_ZH = {
    "positive": "积极", "neutral": "中性", "negative": "消极", "none": "无读数", "anger": "愤怒",
    "disgust": "厌恶", "fear": "恐惧", "joy": "喜悦", "sadness": "悲伤", "surprise": "惊讶",
    "emotion_neutral": "平静", "words": "文字", "voice": "语音", "face": "面部", "scene": "画面",
    "fused": "综合", "text": "文本", "image": "图片", "audio": "音频", "video": "视频", "mixed": "图文",
    "valence": "效价", "arousal": "唤醒度", "dominance": "支配度", "valence_ends": "不愉快 – 愉快",
    "arousal_ends": "平静 – 激动", "dominance_ends": "受控 – 掌控", "untitled": "输入的文字",
    "segments": "{n} 个片段", "segment": "1 个片段", "speakers": "{n} 位说话人", "theme": "浅色或深色",
    "skip": "跳到分析结果", "verdict": "结论", "score_scale": "−1 最消极，+1 最积极",
    "confidence": "{p} 的把握是对的", "among": "{p} 的把握：{names}之一", "verified": "已在留出数据上检验",
    "pooled": "按既定规则合并，整体未单独检验", "abstain": "把握不足，不下结论",
    "abstain_why": "输入超出了模型的适用范围，请谨慎看待下面的数字。",
    "abstain_all": "输入超出了模型的适用范围。", "emotions": "情绪", "polarity": "倾向",
    "dimensions": "维度", "derived": "由情绪按公开坐标换算", "timeline": "随时间的变化",
    "timeline_text": "逐句变化",
    "timeline_use": "时间轴。左右方向键切换片段，加号和减号缩放，0 显示全部。", "zoom_in": "放大",
    "zoom_out": "缩小", "zoom_all": "显示全部", "as_table": "以表格显示",
    "hint": "悬停看数字 · 点击选中 · 方向键移动", "hint_zoom": "悬停看数字 · 点击选中 · Ctrl + 滚轮缩放",
    "chosen": "选中的片段", "picture": "画面", "sound": "声音", "who": "说话人",
    "no_script": "时间轴需要 JavaScript；下面的文字稿里有同样的读数。",
    "media_gone": "录像不在本报告旁边，因此只显示缩略条。", "cues": "各线索的判断", "own": "模型自己的标签",
    "weight": "权重",
    "share": "对得分的贡献", "sum": "得分的由来", "start_value": "起点", "transcript": "文字稿",
    "sentences": "逐句分析", "post_text": "文字", "find": "在文字中查找", "all": "全部", "comma": "、",
    "colon": "：", "no_text": "（无话语）", "no_match": "没有匹配的内容。", "speaker": "说话人",
    "time": "时间", "people": "人脸与说话人", "seen": "出现 {t}", "spoke": "说话 {t}", "present": "出现或说话 {t}",
    "average": "平均",
    "notes": "须知", "missing": "此输入中没有：{names}。",
    "corrections": "文字中标 ✎ 处为用户更正（共 {n} 处）；数值仍为原读数。",
    "read_as": "原读数",
    "provenance": "来历", "version": "版本", "bundle": "模型", "speech": "语音识别", "threads": "线程数",
    "seconds": "用时（秒）", "schema": "格式", "limits": "不可用于",
    "limits_text": (
        "这些数字描述的是文字、语音和画面中表达出来的内容，而不是某人真实的感受、想法或意图。它们只是估"
        "计，可能出错；对于与训练数据差异较大的人群、语言和场景，更容易出错。不得用于医学或心理诊断；不"
        "得用于招聘、工作、教育、信贷、保险、执法或移民等针对个人的决定；不得在当事人不知情、未同意的情"
        "况下用于监视。欧盟法律禁止在工作和教育场所推断情绪。"
    ),
    "index": "{n} 份分析", "item": "条目", "kind": "类型", "reading": "读数", "failed": "无法读取",
    "back": "回到列表", "made_by": "由 demeanor 在本机离线生成", "strongest": "最强的时刻",
    "lang": "zh", "change": "持续的转变", "trend": "走势", "smoothed": "平滑后的走势",
    "why": "为什么", "why_cues": "各线索的贡献",
    "why_cues_how": "精确的 Shapley 值：相加即为得分 {score}。",
    "why_cues_how_base": "精确的 Shapley 值：与起点 {base} 相加即为得分 {score}。", "why_without": "去掉它：{reading}",
    "why_words": "起作用的词",
    "why_words_how": "一句中各词的贡献相加即为该句文字的得分；悬停或用键盘选中可看数字。",
    "key_negative": "偏向消极", "key_positive": "偏向积极", "why_voice": "语音中起作用的时刻",
    "why_voice_how": "把每一小段单独或与别的段一起去掉；各段的贡献相加即为语音的得分。",
    "why_regions": "画面中起作用的区域",
    "why_regions_how": "把每一格单独或与别的格一起模糊：读数依赖于画面的哪些部分。",
    "why_frames": "起作用的画面时刻", "why_changes": "去掉什么会改变结果", "why_left_out": "去掉",
    "why_where": "位置", "why_not_smallest": "（找到的最小组合）", "why_limits": "未能解释的部分",
}  # fmt: skip

WORDS: dict[Language, dict[str, str]] = {"en": _EN, "zh": _ZH}


def language_of(items: list[Json], language: str) -> Language:
    """The page's language: as asked, with `auto` that of most analyses (Chinese where they say zh).

    Raises:
        ConfigError: a language that the page does not have.
    """
    if language in ("en", "zh"):
        return "zh" if language == "zh" else "en"
    if language != "auto":
        raise ConfigError(f"expected the page's language as en, zh or auto, got {language!r}; the page has no other")
    spoken = [str(item["language"]) for item in items if item.get("language")]
    return "zh" if 2 * sum(s.split("-")[0] == "zh" for s in spoken) > len(spoken) else "en"
