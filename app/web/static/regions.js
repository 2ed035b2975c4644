// Codes that people type: GB/T 2260 regions by name or number, IPC and industry codes with or without spaces.

// GB/T 2260, first two digits; Hong Kong, Macao and Taiwan as the standard numbers them.
export const PROVINCES = [
  ["11", "北京", "Beijing"],
  ["12", "天津", "Tianjin"],
  ["13", "河北", "Hebei"],
  ["14", "山西", "Shanxi"],
  ["15", "内蒙古", "Inner Mongolia"],
  ["21", "辽宁", "Liaoning"],
  ["22", "吉林", "Jilin"],
  ["23", "黑龙江", "Heilongjiang"],
  ["31", "上海", "Shanghai"],
  ["32", "江苏", "Jiangsu"],
  ["33", "浙江", "Zhejiang"],
  ["34", "安徽", "Anhui"],
  ["35", "福建", "Fujian"],
  ["36", "江西", "Jiangxi"],
  ["37", "山东", "Shandong"],
  ["41", "河南", "Henan"],
  ["42", "湖北", "Hubei"],
  ["43", "湖南", "Hunan"],
  ["44", "广东", "Guangdong"],
  ["45", "广西", "Guangxi"],
  ["46", "海南", "Hainan"],
  ["50", "重庆", "Chongqing"],
  ["51", "四川", "Sichuan"],
  ["52", "贵州", "Guizhou"],
  ["53", "云南", "Yunnan"],
  ["54", "西藏", "Tibet"],
  ["61", "陕西", "Shaanxi"],
  ["62", "甘肃", "Gansu"],
  ["63", "青海", "Qinghai"],
  ["64", "宁夏", "Ningxia"],
  ["65", "新疆", "Xinjiang"],
  ["71", "台湾", "Taiwan"],
  ["81", "香港", "Hong Kong"],
  ["82", "澳门", "Macao"],
];

const SEPARATORS = /[,，、;；\n]+/;
const PROVINCE_SUFFIX = /(壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区|省|市)$/;

/** What was typed, cut at commas of any width; full-width letters and digits become plain ones. */
function pieces(typed) {
  return typed
    .normalize("NFKC")
    .split(SEPARATORS)
    .map((piece) => piece.trim())
    .filter(Boolean);
}

/** Region codes of what was typed. `bad` lists what is neither a code nor a province. */
export function parseRegions(typed) {
  const codes = [];
  const bad = [];
  for (const piece of pieces(typed)) {
    // A space may part two regions or stand inside the name of one: "甘肃 陕西", "Inner Mongolia".
    const parts = regionCode(piece) ? [piece] : piece.split(/\s+/);
    for (const part of parts) {
      const code = regionCode(part);
      if (code) codes.push(code);
      else bad.push(part);
    }
  }
  return { codes: [...new Set(codes)], bad };
}

function regionCode(words) {
  if (/^\d{2,6}$/.test(words)) return words;
  const name = words.replace(PROVINCE_SUFFIX, "").toLowerCase();
  return PROVINCES.find(([, zh, en]) => zh === name || en.toLowerCase() === name)?.[0] ?? null;
}

/** IPC codes or their heads, from a section ("H") to a subgroup ("H01M 10/0567"), as the catalogue writes them. */
export function parseIpc(typed) {
  return parseCodes(typed, /^[A-H](\d{2}([A-Z](\d{1,4}(\/\d{0,6})?)?)?)?$/);
}

/** Industry codes of GB/T 4754 or their heads, with the section letter: C, C39, C3962. */
export function parseIndustries(typed) {
  return parseCodes(typed, /^[A-T]\d{0,4}$/);
}

function parseCodes(typed, pattern) {
  const codes = [];
  const bad = [];
  for (const part of pieces(typed.toUpperCase())) {
    // "H01M 10/0567" is one code and "H01M C08L" are two: a word that starts with a digit continues the one before.
    for (const code of part.replace(/\s+(?=\d)/g, "").split(/\s+/)) (pattern.test(code) ? codes : bad).push(code);
  }
  return { codes: [...new Set(codes)], bad };
}

/** "甘肃 620102" for a code whose province is known, else the code. */
export function regionName(code, language) {
  const province = PROVINCES.find(([head]) => code.startsWith(head));
  if (!province) return code;
  const name = language === "zh" ? province[1] : province[2];
  return code.length > 2 ? `${name} ${code}` : name;
}
