/* The words of the page around the reading, in English and Chinese; the reading's own come with it from the server. */

const en = {
  skip: "Skip to the content", title: "What does it express?", language_name: "中文", theme: "Light or dark",
  lead: "A clip, a recording, a picture, a text – alone or together. It is read on this computer, and nothing is kept.",
  lead_away: "A clip, a recording, a picture, a text – alone or together. It is sent to the server at {host} and read there, and nothing is kept.",
  text_label: "Text to read, or what is said in the recording",
  text_hint: "Type or paste something, or drop files here …", parts: "What will be read",
  choose: "Choose files", record_voice: "Record voice", record_video: "Record video", live: "Read live", go: "Read",
  options: "Options", spoken: "Spoken language", auto: "find out", cues: "Read from", words: "words", voice: "voice", face: "face", scene: "scene",
  redact: "without personal data", redact_note: "Names, numbers, addresses and faces are left out of what is shown and saved, as far as they are found; a recording is played only from a copy without them, which can be made of the reading. Read live, what only later words show to be a name or number stands there until the end.",
  names: "Who may be named", names_hint: "Anna Smith, Bob …", copy: "Copy without personal data", cancel_copy: "Stop copying", copying: "The copy is being made …",
  copied: "Saved. Places replaced or covered in what is said: {places}; faces covered: {faces}. Look it through before you pass it on: what was not recognised is still in it.",
  remove: "Remove {name}", post: "The picture and the text are read together, as a post.",
  transcript: "The text is taken as what is said in the recording.",
  nothing_given: "There is nothing to read yet: type something, or choose a file.",
  no_recording: "No recording here belongs to {names}. Give a transcript the name of its recording (talk.mp4, talk.srt), one for each, or remove it.",
  no_cue: "Choose at least one thing to read from.",
  consent: "Microphone and camera are read on this computer while this is open. Everybody who can be heard or seen has to know and agree. Do not use it on employees or pupils: European law forbids inferring their emotions.",
  consent_away: "What microphone and camera take while this is open is sent to the server at {host} and read there. Everybody who can be heard or seen has to know and agree. Do not use it on employees or pupils: European law forbids inferring their emotions.",
  agree: "Everybody agrees – start", cancel: "Cancel", stop: "Stop and read", discard: "Discard",
  recording_voice: "Recording your voice", recording_video: "Recording", reading_live: "Reading live", live_stop: "Stop",
  no_device: "The browser gave no microphone or camera: {why}. Allow it in the browser's address bar, or choose a file.",
  empty_recording: "Nothing was recorded: the recording was stopped before the browser had any. Record again, for a second or longer.",
  insecure: "Browsers give microphone and camera only to pages over https or of this computer itself (localhost), and this page is neither. Open it over https, or choose a file.",
  reconnecting: "Connection lost – trying again …", connected: "Connected", listening: "Listening …",
  broken: "The live reading broke off, and microphone and camera are off. What was read so far stays here until you close it. The reason: {why}",
  no_report: "The report of it could not be made, but what was read is still here. Try again, or save it as JSON. The reason: {why}", save_json: "Save as JSON",
  dropped: "{n} pictures were passed over because reading could not keep up.",
  dropped_one: "1 picture was passed over because reading could not keep up.",
  readings: "Readings", compare: "Compare", compare_hint: "Choose two", compare_pick: "Compare {name}", comparison: "Two readings, side by side",
  difference: "Difference", first: "First", second: "Second", confidence: "Likely to be right", emotion: "Strongest emotion", score: "Score", label: "Reading",
  queued: "waiting", running: "reading", failed: "could not be read", cancelled: "cancelled", done: "done", open: "Open {name}",
  positive: "positive", neutral: "neutral", negative: "negative", none: "no reading", unsure: "not sure enough to say", no_text: "(no words)",
  save_as: "Save as", correct: "Correct", save: "Keep", corrected: "What you save shows your correction; the reading itself does not change.",
  fix_text: "Text", fix_speaker: "Speaker", fix_label: "Reading", as_read: "as read", undo: "Take back",
  unplayable: "This browser cannot play this kind of file. What was read is all here; only the player is missing.",
  unreachable: "The server does not answer. Is it still running?",
  moved: "{name} cannot be read any more: it was moved, renamed, changed or deleted after it was chosen. Choose it again.",
  too_large: "{name} is larger than the {most} that the server takes.",
  key_title: "Key", key_text: "This server asks for a key. Whoever runs it can make one with: demeanor serve --new-key", ok: "Go on",
  private: "What is kept", kept: "Nothing: what you send and what is read are deleted as soon as this page has the result, and after {minutes} min in any case. Nothing leaves this computer.",
  kept_away: "Nothing: what you send and what is read are deleted as soon as this page has the result, and after {minutes} min in any case. This page sends it to {host} and to nobody else.",
  limits: "What this is not for",
  limits_text: "A reading says how words, a voice or a face would be labelled by people who label such things. It does not know what anybody feels. Not for judging employees or pupils, not for decisions about people, not for diagnosis, and not for watching people without their consent.",
  typed: "typed text", recording: "recording", seconds: "{n} s", mb: "{n} MB", kb: "{n} KB", close: "Close", lose: "{name}: not saved. Close it all the same?", sample: "a sample", new: "Read something else",
  label_task: "Label",
  why: "Why?", why_asked: "Reasons", reasons: "Reasons", again: "Try again",
  why_queued: "It waits for its turn …", why_reading: "It is read once more …", why_reasons: "Parts are left out, and the rest is read again, to see what each one adds …",
};

const zh = {
  skip: "跳到内容", title: "它表达了什么？", language_name: "English", theme: "浅色或深色",
  lead: "视频、录音、图片、文字，单独或组合均可。全部在这台电脑上读取，不保留任何内容。",
  lead_away: "视频、录音、图片、文字，单独或组合均可。内容会发送到服务器 {host} 并在那里读取，不保留任何内容。",
  text_label: "要读的文字，或录音里说的话", text_hint: "输入或粘贴文字，或把文件拖到这里……", parts: "将要读取的内容",
  choose: "选择文件", record_voice: "录音", record_video: "录像", live: "实时读取", go: "读取",
  options: "选项", spoken: "所说语言", auto: "自动识别", cues: "依据", words: "文字", voice: "语音", face: "面部", scene: "画面",
  redact: "不含个人信息", redact_note: "显示和保存的内容会去除能识别出的姓名、号码、地址和面部；此时不播放原录音或录像，只播放由读数另行制作的去除个人信息的副本。实时读取时，要听到后文才能认出的姓名或号码，会一直显示到结束。",
  names: "可能提到的人名", names_hint: "王小明、Anna……", copy: "制作不含个人信息的副本", cancel_copy: "停止制作", copying: "正在制作副本……",
  copied: "已保存。文字或语音中替换或遮盖 {places} 处，遮盖面部 {faces} 个。转交前请通读或通看一遍：未能识别的内容仍在其中。",
  remove: "移除 {name}", post: "图片和文字将作为一条图文一起读取。", transcript: "文字将作为录音中所说的话。",
  nothing_given: "还没有可读的内容：请输入文字或选择文件。", no_cue: "请至少选择一种依据。",
  no_recording: "没有与 {names} 对应的录音或录像。请让文字稿与其录音或录像同名（talk.mp4、talk.srt），各一个，或将其移除。",
  consent: "打开期间，麦克风和摄像头的内容会在这台电脑上被读取。所有会被听到或看到的人都必须知情并同意。不得用于员工或学生：欧盟法律禁止推断他们的情绪。",
  consent_away: "打开期间，麦克风和摄像头的内容会发送到服务器 {host} 并在那里读取。所有会被听到或看到的人都必须知情并同意。不得用于员工或学生：欧盟法律禁止推断他们的情绪。",
  agree: "所有人均已同意，开始", cancel: "取消", stop: "停止并读取", discard: "丢弃",
  recording_voice: "正在录音", recording_video: "正在录像", reading_live: "实时读取中", live_stop: "停止",
  no_device: "浏览器没有提供麦克风或摄像头：{why}。请在地址栏中允许，或选择文件。",
  empty_recording: "没有录到任何内容：浏览器还没录到就停止了。请重新录制，至少一秒。",
  insecure: "浏览器只在 https 页面或本机（localhost）页面上提供麦克风和摄像头，而此页面两者都不是。请通过 https 打开，或选择文件。",
  reconnecting: "连接中断，正在重试……", connected: "已连接", listening: "正在聆听……",
  broken: "实时读取已中断，麦克风和摄像头已关闭。已读到的内容保留在这里，直到你关闭。原因：{why}",
  no_report: "无法生成报告，但读到的内容还在。请重试，或另存为 JSON。原因：{why}", save_json: "另存为 JSON",
  dropped: "读取跟不上，跳过了 {n} 帧画面。",
  dropped_one: "读取跟不上，跳过了 1 帧画面。",
  readings: "读取结果", compare: "比较", compare_hint: "请选择两项", compare_pick: "比较 {name}", comparison: "两个结果并排比较",
  difference: "差别", first: "第一个", second: "第二个", confidence: "正确的把握", emotion: "最强的情绪", score: "得分", label: "结论",
  queued: "等待中", running: "读取中", failed: "无法读取", cancelled: "已取消", done: "完成", open: "打开 {name}",
  positive: "积极", neutral: "中性", negative: "消极", none: "无读数", unsure: "把握不足，不下结论", no_text: "（无话语）",
  save_as: "另存为", correct: "更正", save: "保留", corrected: "保存的文件会显示你的更正；读数本身不变。",
  fix_text: "文字", fix_speaker: "说话人", fix_label: "结论", as_read: "按读数", undo: "撤回",
  unplayable: "此浏览器无法播放这种文件。读取的内容都在这里，只是没有播放器。", unreachable: "服务器没有应答。它还在运行吗？", moved: "{name} 已无法读取：选择之后它被移动、重命名、修改或删除了。请重新选择。", too_large: "{name} 超过服务器接受的 {most}。",
  key_title: "密钥", key_text: "此服务器需要密钥。服务器的管理者可以用 demeanor serve --new-key 生成。", ok: "继续",
  private: "保留什么", kept: "什么都不保留：本页拿到结果后，你发送的内容和结果立即删除，最迟 {minutes} 分钟后删除。任何内容都不会离开这台电脑。",
  kept_away: "什么都不保留：本页拿到结果后，你发送的内容和结果立即删除，最迟 {minutes} 分钟后删除。本页只把内容发送到 {host}，不发给任何其他人。",
  limits: "不可用于",
  limits_text: "结果说明的是：标注这类数据的人会怎样标注这些文字、语音或面部。它不知道任何人的真实感受。不得用于评判员工或学生，不得用于针对个人的决定，不得用于诊断，也不得在未经同意的情况下监视他人。",
  typed: "输入的文字", recording: "录制", seconds: "{n} 秒", mb: "{n} MB", kb: "{n} KB", close: "关闭", lose: "{name}：尚未保存。仍要关闭吗？", sample: "一个样本", new: "再读一个",
  label_task: "标注",
  why: "为什么？", why_asked: "理由", reasons: "理由", again: "重试",
  why_queued: "正在排队……", why_reading: "正在重新读取……", why_reasons: "正在逐一去掉各部分再读，看每一部分起多大作用……",
};

const all = { en, zh };

/* What the server's problems mean, by their kind; the server tells its details in English, which the English page needs alone. */
const problems = {
  "bad-input": "内容无法读取。", "bad-option": "选项不正确。", busy: "服务器繁忙，请稍后再试。", "doubled-part": "同一部分发送了两次。",
  fault: "服务器出错了，请再试一次。", gone: "结果已不在服务器上。", "key-reused": "同一个幂等键用于不同的内容。", malformed: "请求的格式不正确。",
  "media-type": "不支持这种类型。", "no-analysis": "这不是一份读取结果。", "no-job": "任务不存在，或已过保留时间。", "no-key": "密钥缺失或不正确。",
  "no-result": "结果已不在服务器上。", "no-session": "实时读取已结束。", "not-finished": "任务尚未完成。", "not-found": "这个地址没有内容。",
  "not-installed": "服务器目前无法读取这种内容。", "not-ready": "服务器正在启动，请稍候。", nothing: "没有可读的内容。",
  "queue-full": "等待的任务太多，请稍后再试。", "too-large": "内容太大或太长，请缩短后再试。", "too-long": "读取时间超过了限制。", "too-many": "请求太频繁，请稍后再试。",
  "too-many-faults": "错误太多，已停止读取。", "too-slow": "发送太慢，连接已中断。", "unknown-name": "没有这个名称。", "unknown-part": "不认识的部分。",
  unreadable: "文件无法读取，可能已损坏。", "wrong-host": "地址不正确。", "wrong-origin": "不接受来自该页面的请求。",
};

/** A problem of the server in the page's language, with the server's own details. */
export function problem(told) {
  const details = told.detail || told.title || "", own = chosen === "zh" && problems[(told.type || "").split(":").pop()];
  return own ? own + (details && "（" + details + "）") : details;
}

const kept = (() => { try { return localStorage.getItem("demeanor-language"); } catch { return null; } })();
let chosen = all[kept] ? kept : (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";

export const language = () => chosen;

let near = false;

/** Say where things are read: on this computer, or, until that is known, by the server at its address (words in `_away`). */
export function place(local) { near = local === true; }

/** The words for `key`, with {places} filled in. */
export function say(key, places = {}) {
  const text = (near ? null : all[chosen][key + "_away"]) ?? all[chosen][key] ?? en[key] ?? key;
  const filled = { host: location.host, ...places };
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in filled ? String(filled[name]) : whole));
}

/** Change the language of every element that names its words. */
export function speak(next) {
  if (next) {
    chosen = next;
    try { localStorage.setItem("demeanor-language", next); } catch { /* private windows keep nothing */ }
  }
  document.documentElement.lang = chosen;
  document.querySelectorAll("[data-say]").forEach((node) => { node.textContent = say(node.dataset.say); });
  document.querySelectorAll("[data-hint]").forEach((node) => { node.placeholder = say(node.dataset.hint); });
  document.querySelectorAll("[data-name]").forEach((node) => node.setAttribute("aria-label", say(node.dataset.name)));
}
