/* Puts a form in front of each question of a quiz: choose, check, and read the reason. Nothing is kept. */
(function () {
  "use strict";

  function made(tag, attributes = {}, ...children) {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }

  const copies = (node) => [...node.childNodes].map((child) => child.cloneNode(true));

  /* One question as a form; `said` is told what was answered. */
  function formOf(question, name, said) {
    const answers = [...question.querySelectorAll("details")];
    const legend = made("legend", {}, ...copies(question.querySelector("p")));
    const labels = answers.map((answer, k) => {
      const choice = made("input", { type: "radio", name, value: String(k), required: true, autocomplete: "off" });
      return made("label", {}, choice, made("span", {}, ...copies(answer.querySelector("summary"))));
    });
    const reason = made("div", { className: "frlib-quiz-reason" });
    reason.setAttribute("role", "status");
    const fields = made("fieldset", {}, legend, ...labels);
    const form = made("form", { className: "frlib-quiz-form" }, fields, made("button", {}, "Check"), reason);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const k = Number(new FormData(form).get(name));
      labels[k].dataset.verdict = reason.dataset.verdict = answers[k].dataset.verdict;
      reason.replaceChildren(...[...answers[k].children].slice(1).map((part) => part.cloneNode(true)));
      if (answers[k].dataset.verdict === "right") {
        reason.append(...[...question.querySelectorAll(".frlib-quiz-section")].map((part) => part.cloneNode(true)));
      }
      said(answers[k].dataset.verdict);
    });
    return form;
  }

  function start(quiz, place) {
    const questions = [...quiz.children];
    const first = new Map();
    const count = made("p", { className: "frlib-quiz-count" });
    count.setAttribute("role", "status");
    questions.forEach((question, k) => {
      const form = formOf(question, `quiz-${place}-${k}`, (verdict) => {
        if (!first.has(k)) first.set(k, verdict);
        const right = [...first.values()].filter((word) => word === "right").length;
        count.textContent = `${first.size} of ${questions.length} questions tried, ${right} right at once.`;
      });
      question.append(form);
      question.dataset.live = "1";
    });
    quiz.after(count);
  }

  document.querySelectorAll("ol.frlib-quiz").forEach(start);
})();
