// Why an address was not opened, in Chinese. Python says it in English, in one of these sentences; what a
// plugin's own guard says stays as it is.
const ADDRESS = "(.+?)";
const KNOWN = [
  ["The address {0} leads nowhere in this app.", "应用里没有 {0} 这个地址。"],
  ["{0} leads nowhere in this app.", "应用里没有 {0} 这个地址。"],
  ["{0} may not be opened from outside the app.", "{0} 不允许从应用外部打开。"],
  ["{0} cannot be opened now: the plugin '{1}' is not here.", "现在打不开 {0}：插件“{1}”没有运行。"],
  ["{0} cannot be opened now: the plugin '{1}' has failed; the log says why.", "现在打不开 {0}：插件“{1}”出了故障，日志里有原因。"],
  ["{0} cannot be opened now: the plugin behind it is not here.", "现在打不开 {0}：对应的插件没有运行。"],
  ["The page '{0}' is not here: its plugin is not running.", "页面“{0}”不在这里：对应的插件没有运行。"],
  ["There is no plugin that shows pages (shell).", "没有显示页面的插件（shell）。"],
  ["There are {0} addresses on their way already; try again later.", "已有 {0} 个地址正在打开，请稍后再试。"],
  ["{0} leads to the route {1}, whose plugin is not here.", "{0} 指向 {1}，对应的插件没有运行。"],
  ["{0} leads to {1}, which the company may not point to.", "{0} 指向 {1}，公司不能指向那里。"],
  ["{0} is guarded by '{1}', and the plugin with that guard is not running.", "{0} 由“{1}”把关，提供它的插件没有运行，因此没有打开。"],
  ["The guard '{0}' says no.", "“{0}”不允许打开。"],
  ["Not opened: the guard '{0}' {1}, and so nothing passes it.", "没有打开：负责把关的“{0}”出了问题。"],
  ["Not opened: the interceptor '{0}' {1}, and so nothing passes it.", "没有打开：拦截器“{0}”出了问题。"],
  ["Nothing is opened, for the interceptor '{0}' that has to agree is not running.", "没有打开：必须经过的拦截器“{0}”没有运行。"],
  ["Not opened: nobody is signed in.", "没有打开：还没有登录。"],
  ["Not opened: nobody signed in for that.", "没有打开：没有人登录。"],
  ["Not opened: there is no plugin for signing in (auth).", "没有打开：没有登录插件（auth）。"],
  ["Not opened: that was meant for {0}, who is not signed in.", "没有打开：这是给 {0} 的，而对方没有登录。"],
  ["This was meant for {0}, and here is {1}.", "这是给 {0} 的，而这里登录的是 {1}。"],
  ["{0} is not opened: another account is signed in by now.", "没有打开 {0}：现在登录的是另一个帐号。"],
  ["The parameter '{0}' of the route {1} must be {2}.", "{1} 的参数“{0}”不符合要求。"],
  ["The route {0} needs the parameter '{1}'.", "{0} 缺少参数“{1}”。"],
  ["The route {0} has no parameter '{1}'.", "{0} 没有参数“{1}”。"],
  ["{0} has the parameter '{1}' twice.", "{0} 的参数“{1}”出现了两次。"],
  ["{0} needs the parameter '{1}'.", "{0} 缺少参数“{1}”。"],
  ["{0} has no parameter '{1}'.", "{0} 没有参数“{1}”。"],
  ["{0} does not say the parameter '{1}' of {2}.", "{0} 没有给出 {2} 的参数“{1}”。"],
].map(([english, chinese]) => [pattern(english), chinese]);

/** The sentence in Chinese, or null for one that is not known. */
export function refusal(text) {
  for (const [english, chinese] of KNOWN) {
    const found = english.exec(text);
    if (found) return chinese.replace(/\{(\d)\}/g, (_, number) => found[Number(number) + 1]);
  }
  return null;
}

function pattern(english) {
  const escaped = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\{\d\}/g, ADDRESS)}$`, "s");
}
